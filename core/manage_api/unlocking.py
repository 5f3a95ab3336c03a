"""What operators unlocked at a kiosk, and for how long; and how many wrong PINs somebody may try. Kept in memory only:
a restart locks everything.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.audit import Deed
from core.clock import Clock
from core.manage_api.access_file import Entries, OperatorEntry
from core.manage_api.auditing import Record
from core.manage_api.operators import is_pin_of
from core.manage_api.problems import RequestError, unauthorized
from core.manage_api.tokens import hash_of, new_token

UNLOCKED_S: Final = 300.0  # from the PIN on, however it is used: who polls must not keep it open
TRIES: Final = 5
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 900.0


@dataclass(kw_only=True)
class _Tries:
    """Of one user of the kiosk: whatever names he tried, or of one operator. The right PIN of somebody makes good for what
    was wrong of him, and not of another: else he could guess the other's.
    """

    wrong: int = 0
    until_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Unlock:
    """Good for `uid` until `until_s` (steady), as long as the operator's entry is the same."""

    operator: str
    entry: OperatorEntry
    uid: str
    until_s: float


class Unlocks:
    """`entries` tells who is an operator now."""

    def __init__(self, entries: Callable[[], Entries], clock: Clock):
        self._entries, self._clock = entries, clock
        self._unlocks: dict[str, Unlock] = {}  # by the token's hash
        self._tries: dict[tuple[str, str | None], _Tries] = {}  # by user; and by operator, too
        self._checking = asyncio.Lock()  # a check costs memory: never two at once

    async def unlock(self, uid: str, operator: str, pin: str, record: Record) -> tuple[str, Unlock]:
        """A token and what it is good for. Raises RequestError: 401 for a wrong PIN or name, 429 after too many; that goes
        to `record`.
        """
        async with self._checking:
            entry = self._entries().operators.get(operator)
            # A name that is none may be a PIN in the wrong field.
            known = operator if entry is not None else None
            wrong = self._try(uid, known)
            if not await asyncio.to_thread(is_pin_of, entry, pin) or entry is None:
                await self._tell(uid, known, wrong, record)
                raise unauthorized("wrong_pin", "Wrong name or PIN.")
            for name in {None, operator}:
                del self._tries[uid, name]
        return self._unlocked(uid, operator, entry)

    def find(self, uid: str, token: str) -> Unlock | None:
        """What this token, held by this user, is good for now."""
        unlock = self._unlocks.get(hash_of(token))
        if unlock is None or unlock.uid != uid or self._clock.steady() >= unlock.until_s:
            return None
        return unlock if self._entries().operators.get(unlock.operator) == unlock.entry else None

    def lock(self, uid: str, operator: str) -> None:
        """End all that this operator unlocked for this user."""
        self._unlocks = {key: one for key, one in self._unlocks.items() if (one.uid, one.operator) != (uid, operator)}

    def _unlocked(self, uid: str, operator: str, entry: OperatorEntry) -> tuple[str, Unlock]:
        now_s, token = self._clock.steady(), new_token()
        self._unlocks = {key: one for key, one in self._unlocks.items() if now_s < one.until_s}
        unlock = Unlock(operator=operator, entry=entry, uid=uid, until_s=now_s + UNLOCKED_S)
        self._unlocks[hash_of(token)] = unlock
        return token, unlock

    def _try(self, uid: str, operator: str | None) -> int:
        """How many it would be, were it wrong; and it counts as wrong until it turns out right, so that who leaves before
        the answer has tried all the same.
        """
        now_s = self._clock.steady()
        tries = [self._tries.setdefault((uid, name), _Tries()) for name in {None, operator}]
        wait_s = math.ceil(max(one.until_s for one in tries) - now_s)
        if wait_s > 0:
            detail = f"Too many wrong PINs: wait {wait_s} s."
            raise RequestError(429, "too_many_tries", detail, headers={"retry-after": str(wait_s)})
        for one in tries:
            one.wrong += 1
            one.until_s = now_s + _wait_s(one.wrong)
        return max(one.wrong for one in tries)

    async def _tell(self, uid: str, operator: str | None, wrong: int, record: Record) -> None:
        if wait_s := _wait_s(wrong):
            asked = {"wrong_pins": wrong, "wait_s": wait_s}
            await record(Deed(actor=uid, origin="socket", what="operator.locked_out", subject=operator, asked=asked))


def _wait_s(wrong: int) -> float:
    """From the fifth wrong one in a row on each costs a wait, twice as long as the one before."""
    if wrong < TRIES:
        return 0.0
    return min(FIRST_WAIT_S * 2.0 ** min(wrong - TRIES, 10), LONGEST_WAIT_S)
