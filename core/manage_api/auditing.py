"""Puts on record what a route changed: who asked, for what, old and new. Nobody is answered before that, but where the disk
doesn't take it (see audit.py). Decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from core.audit import Deed
from core.errors import RefusalError
from core.manage_api.table import Call, Handler, MergePatch, Reply, Route
from core.wire_audit import Change, Outcome

Record = Callable[[Deed], Awaitable[None]]

_LONGEST_LIST: Final = 20  # ids of a drain: a line of the audit stays one that a person can read


class HalfDoneError(RefusalError):
    """A refusal in the midst: what was changed before it stays changed."""


def recorded(route: Route, record: Record) -> Handler:
    """The route's handler; what only looks, a dry run, and what was refused before it began, leave no trace."""
    audited = route.audited
    if audited is None:
        return route.handler

    async def tell(call: Call, outcome: Outcome, changes: tuple[Change, ...] = ()) -> None:
        if _is_dry_run(call):
            return
        deed = Deed(
            actor=call.actor.name,
            via=call.actor.via,
            by=getattr(call.body, "by", None),
            origin=call.origin,
            what=audited.what,
            subject=next(iter(call.path.values()), None),
            asked=_asked(call.body) if audited.asked else {},
            changes=changes,
            outcome=outcome,
            request_id=call.request_id,
        )
        await record(deed)

    async def handle(call: Call) -> Struct | Reply | str:
        before = audited.before(call)
        try:
            answer = await route.handler(call)
        except (Exception, asyncio.CancelledError) as error:
            if not isinstance(error, RefusalError) or isinstance(error, HalfDoneError):
                await tell(call, "cancelled" if isinstance(error, asyncio.CancelledError) else "failed")
            raise
        after = answer.content if isinstance(answer, Reply) else answer
        await tell(call, "done", audited.changes(before, after) if isinstance(after, Struct) else ())
        return answer

    return handle


def of_fields(*names: str) -> Callable[[Struct | None, Struct], tuple[Change, ...]]:
    """Those of these fields of the answer that differ from before; without a before, all that are not null."""

    def changes(before: Struct | None, after: Struct) -> tuple[Change, ...]:
        pairs = ((name, *(_shortened(_plain(getattr(one, name, None))) for one in (before, after))) for name in names)
        return tuple(Change(key=name, old=old, new=new) for name, old, new in pairs if old != new)

    return changes


def _is_dry_run(call: Call) -> bool:
    return any(getattr(part, "dry_run", False) for part in (call.body, call.query))


def _asked(body: Struct) -> dict[str, Any]:
    if isinstance(body, MergePatch):
        return {}
    return {name: _shortened(value) for name, value in _plain(body).items() if name != "by"}


def _shortened(value: Any) -> Any:
    if isinstance(value, list) and len(value) > _LONGEST_LIST:
        return [*value[:_LONGEST_LIST], f"… {len(value) - _LONGEST_LIST} more"]
    return value


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))
