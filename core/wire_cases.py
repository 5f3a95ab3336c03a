"""The manage API's answer about one case with all that people did about it; conventions as in wire.py. Values only."""

from core.wire import Answer, CaseItem, Moment


class CaseStep(Answer, frozen=True, kw_only=True):
    """`what`: acknowledged, action, note, shelved, unshelved, closed. `reason` says why it was closed; `actor` is null where a
    shelf ran out. Members that the step has no words for are null.
    """

    at: Moment
    actor: str | None
    what: str
    action: str | None
    disposition: str | None
    note: str | None
    reason: str | None


class CaseDetail(CaseItem, frozen=True, kw_only=True):
    """A case with its `steps`, newest last, at most the last 100; `action` and `disposition` are those recorded last. An
    earlier version kept no steps.
    """

    steps: tuple[CaseStep, ...]
