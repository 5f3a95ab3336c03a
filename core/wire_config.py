"""The manage API's answers about the configuration; conventions as in wire.py. Values only."""

from typing import Any

from core.wire import Answer
from core.wire_audit import Change


class Config(Answer, frozen=True, kw_only=True):
    """The settings in the file, secrets masked; of a dry run those that the file would hold.

    `changes` is what the patch changed, or would. `pending` are the dotted keys in which the file differs from what the
    running core uses, which takes the file over when it starts and never while it runs: `restart_required` where there are any.
    """

    path: str
    settings: dict[str, Any]
    restart_required: bool
    hints: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    pending: tuple[str, ...] = ()
