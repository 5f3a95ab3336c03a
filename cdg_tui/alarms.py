"""Which critical cases are news that nobody has seen yet, and when the bell rings for them. Plain values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from core import wire

RING_EVERY_S: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """`waiting` are the critical cases that nobody acknowledged, as last heard of; `told` those of them that the banner
    names. `owed`: a bell for one of those is still to come.

    The core itself sets a case back to `new` when it reopens or grows worse, so that it comes here once more.
    """

    waiting: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    owed: bool = False
    rung_s: float | None = None

    def heard(self, cases: Iterable[wire.CaseItem]) -> "Alarms":
        """After an answer with all open cases."""
        waiting = frozenset(case.case_id for case in cases if case.severity == "critical" and case.handling == "new")
        fresh = waiting - self.waiting
        told = self.told & waiting | fresh
        return replace(self, waiting=waiting, told=told, owed=bool(told) and (self.owed or bool(fresh)))

    def seen(self) -> "Alarms":
        """Somebody has looked at the cases."""
        return replace(self, told=frozenset(), owed=False)

    def muted(self) -> "Alarms":
        """No bell until the next new one; the banner stays."""
        return replace(self, owed=False)

    def rings(self, now_s: float) -> bool:
        """Whether the bell is due: one for all that came since the last."""
        return self.owed and (self.rung_s is None or now_s - self.rung_s >= RING_EVERY_S)

    def rung(self, now_s: float) -> "Alarms":
        return replace(self, owed=False, rung_s=now_s)

    def of(self, cases: Iterable[wire.CaseItem]) -> tuple[wire.CaseItem, ...]:
        """Those that the banner names, newest first; before those that are over those that are not."""
        told = (case for case in cases if case.case_id in self.told)
        return tuple(sorted(told, key=lambda case: (case.condition != "cleared", case.opened_at), reverse=True))
