"""The manage API's requests about one case or cabinet, and its answer about a case with all that people did about it;
conventions as in wire.py. Values only.
"""

from typing import Annotated, Literal

from msgspec import Meta

from core.wire import Answer, Body, CaseItem, Moment, Name, Note


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


class Remark(Body, frozen=True, kw_only=True):
    """A note to a case."""

    by: Name
    note: Annotated[str, Meta(min_length=1, max_length=4000)]


class Close(Body, frozen=True, kw_only=True):
    """`force` and a note close what has not cleared or was not acted on."""

    by: Name
    reason: Literal["handled", "false_alarm", "maintenance"]
    note: Note = ""
    force: bool = False


class Shelve(Body, frozen=True, kw_only=True):
    """Nobody is called again for `for_s`, at most 8 hours."""

    by: Name
    for_s: Annotated[float, Meta(ge=60, le=28_800)]
    note: Annotated[str, Meta(min_length=1, max_length=4000)]


class OutOfService(Body, frozen=True, kw_only=True):
    """Nothing of the cabinet is judged until it is put back, which `due_back` promises."""

    by: Name
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    due_back: Moment | None = None


class InService(Body, frozen=True, kw_only=True):
    """The cabinet is judged again; `reason` says what was done."""

    by: Name
    reason: Annotated[str, Meta(max_length=1000)] = ""


class Maintenance(Body, frozen=True, kw_only=True):
    """Somebody works on the cabinet for `for_s`, at most 8 hours: its alarms wait longer, within their bound. 0 ends it."""

    by: Name
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    for_s: Annotated[float, Meta(ge=0, le=28_800)]
