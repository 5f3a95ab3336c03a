"""The manage API's answers about who changed what; conventions as in wire.py. Values only."""

from typing import Any, Literal

from core.wire import Answer, Moment

Outcome = Literal["done", "failed", "cancelled"]


class Change(Answer, frozen=True, kw_only=True):
    """One value that changed, at a dotted `key`; null where there was none, or is none any more. A secret is masked on both
    sides, so that only its name tells that it changed.
    """

    key: str
    old: Any
    new: Any


class AuditItem(Answer, frozen=True, kw_only=True):
    """One change. `actor` was logged in (`uid:N`, `token:NAME`, `operator:NAME`, or `core` for what the core noticed by
    itself), an operator `via` the user of the console; `by` is the person whom the request named. `origin`: socket, the
    caller's address, file, or core.

    `what` was done to `subject`; `asked` is the request as it came, `changes` what it changed. `outcome`: of what failed
    or was cancelled on its way, part may be done. `sha256` is of this line of audit.jsonl, `previous` of the line before it.
    """

    n: int
    at: Moment
    actor: str
    via: str | None
    by: str | None
    origin: str
    what: str
    subject: str | None
    asked: dict[str, Any]
    changes: tuple[Change, ...]
    outcome: Outcome
    request_id: str | None
    previous: str
    sha256: str


class AuditPage(Answer, frozen=True, kw_only=True):
    """Newest first; `next` is the cursor of the page behind it. One request looks at so many lines only: a page may hold fewer
    entries than it might, even none, while there is a `next`. A line that is altered beyond reading is left out.
    """

    items: tuple[AuditItem, ...]
    next: str | None
