"""The routes of who may do what: who am I, the operators of the kiosk, unlock and lock. Only on the socket is there a user to
bind an unlock to, so that there is none on TCP.
"""

from datetime import timedelta
from typing import cast

from msgspec import Struct

from core import wire_access as wire
from core.errors import RefusalError
from core.manage_api.auditing import of_fields
from core.manage_api.parts import Parts
from core.manage_api.problems import RequestError
from core.manage_api.table import Actor, Audited, Call, Route, Scope
from core.manage_api.unlocking import UNLOCKED_S

_UID = "uid:"


class AccessHandlers:
    """What the rows below call."""

    def __init__(self, parts: Parts):
        self._authenticator, self._clock, self._audit = parts.authenticator, parts.clock, parts.audit

    async def whoami(self, call: Call) -> Struct:
        scope = cast("wire.TokenScope", call.actor.scope.name.lower())
        return wire.WhoAmI(actor=call.actor.name, via=call.actor.via, scope=scope, origin=call.origin)

    async def operators(self, call: Call) -> Struct:  # noqa: ARG002 - a handler
        found = self._authenticator.file.entries().operators
        return wire.Operators(items=tuple(wire.Operator(name=name, scope=one.scope) for name, one in found.items()))

    async def unlock(self, call: Call) -> Struct:
        body, user = call.body, _user(call.actor)
        assert isinstance(body, wire.Unlock)
        token, unlock = await self._authenticator.unlocks.unlock(user, body.operator, body.pin, self._audit.record)
        return wire.Unlocked(
            token=token,
            operator=unlock.operator,
            scope=unlock.entry.scope,
            expires_at=self._clock.now() + timedelta(seconds=UNLOCKED_S),
            expires_in_s=UNLOCKED_S,
        )

    async def lock(self, call: Call) -> Struct:
        user = _user(call.actor)
        kind, _, operator = call.actor.name.partition(":")
        if kind != "operator":
            raise RefusalError(409, "not_unlocked", "The request carries no operator's token.")
        self._authenticator.unlocks.lock(user, operator)
        return wire.Locked(operator=operator)


def _user(actor: Actor) -> str:
    """`uid:N` of who is at the socket. Raises RequestError 403 on TCP."""
    user = actor.via or actor.name
    if not user.startswith(_UID):
        raise RequestError(403, "socket_only", "Operators unlock at the kiosk, on the box's own socket.")
    return user


def access_routes(parts: Parts) -> tuple[Route, ...]:
    on = AccessHandlers(parts)
    return (
        Route(
            method="GET",
            path="/api/manage/whoami",
            scope=Scope.READ,
            handler=on.whoami,
            summary="Who the core takes the caller for",
            answer=wire.WhoAmI,
        ),
        Route(
            method="GET",
            path="/api/manage/operators",
            scope=Scope.READ,
            handler=on.operators,
            summary="Who has a PIN for the kiosk",
            answer=wire.Operators,
        ),
        Route(
            method="POST",
            path="/api/manage/operator/unlock",
            scope=Scope.READ,
            handler=on.unlock,
            summary="A token for five minutes, for an operator's PIN; on the socket only",
            answer=wire.Unlocked,
            body=wire.Unlock,
            refusals={401: ("wrong_pin",), 403: ("socket_only",), 429: ("too_many_tries",)},
            audited=Audited(what="operator.unlock", asked=False, changes=of_fields("operator", "scope")),
        ),
        Route(
            method="POST",
            path="/api/manage/operator/lock",
            scope=Scope.READ,
            handler=on.lock,
            summary="End what the caller unlocked",
            answer=wire.Locked,
            refusals={403: ("socket_only",), 409: ("not_unlocked",)},
            audited=Audited(what="operator.lock", changes=of_fields("operator")),
        ),
    )
