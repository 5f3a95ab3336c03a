"""When each change would be too much news: a case that flaps is told as a digest, and many cabinets at once as a storm.

Time is this box's steady time, passed in. What is remembered here may be lost with the process: a case that flapped
before gets its next few changes told one by one. What was kept for a digest stands in the case itself.
"""

from collections import deque
from typing import Final

from core.events import EventType, Severity, rank
from core.monitoring.cases import Case, muffled

MANY_CHANGES: Final = 12
WITHIN_S: Final = 600.0
STORM_CABINETS: Final = 4
STORM_S: Final = 120.0
STORM_CALM_S: Final = 600.0

OPENINGS: Final = frozenset({EventType.CASE_OPENED, EventType.CASE_REOPENED})
CHANGES: Final = OPENINGS | {EventType.CASE_SEVERITY_CHANGED, EventType.CASE_CONDITION_CLEARED}


class Flaps:
    """The changes of each case within the last WITHIN_S; of one that flaps also when its last digest was told, and the worst
    severity that was.
    """

    def __init__(self) -> None:
        self._changes: dict[str, deque[float]] = {}
        self._told_s: dict[str, float] = {}
        self._worst: dict[str, Severity] = {}

    def passed(self, before: Case | None, after: Case, now_s: float) -> Case:
        """`after` as it may be told: as it is, or with its news kept for the digest. The digest of the first change too many
        is due at once. What is worse than anything told of it waits for no digest.
        """
        new = after.outbox[len(after.outbox) - (after.seq - (before.seq if before is not None else 0)) :]
        if after.closed:
            self._forget(after.case_id)
            return after
        if len(new) != 1 or new[0].type not in CHANGES:
            return after
        changes = self._changes.setdefault(after.case_id, deque())
        changes.append(now_s)
        _drop_old(changes, now_s)
        if before is None or (len(changes) < MANY_CHANGES and after.case_id not in self._told_s):
            return after
        self._told_s.setdefault(after.case_id, now_s - WITHIN_S)
        if rank(after.severity) > rank(self._worst.setdefault(after.case_id, before.severity)):
            self._worst[after.case_id] = after.severity
            return after
        return muffled(before, after)

    def due(self, now_s: float) -> list[str]:
        """The flapping cases of which a digest is due. One that has been calm for so long is told as any other again."""
        due = [case_id for case_id, told_s in self._told_s.items() if now_s - told_s >= WITHIN_S]
        for case_id in due:
            self._told_s[case_id] = now_s
            _drop_old(changes := self._changes[case_id], now_s)
            if not changes:
                self._forget(case_id)
        for case_id in [one for one, changes in self._changes.items() if now_s - changes[-1] >= WITHIN_S]:
            if case_id not in self._told_s:
                del self._changes[case_id]
        return due

    def _forget(self, case_id: str) -> None:
        self._changes.pop(case_id, None)
        self._told_s.pop(case_id, None)
        self._worst.pop(case_id, None)


class Storm:
    """Which cabinets raised a case within the last STORM_S."""

    def __init__(self) -> None:
        self._openings: deque[tuple[float, str]] = deque()
        self._told_s: float | None = None

    def broke(self, cabinet: str, now_s: float) -> tuple[str, ...]:
        """The cabinets, where this opening makes a storm of them that was not told yet; else none."""
        self._openings.append((now_s, cabinet))
        while now_s - self._openings[0][0] > STORM_S:
            self._openings.popleft()
        cabinets = tuple(sorted({name for _, name in self._openings}))
        if len(cabinets) < STORM_CABINETS:
            return ()
        calm = self._told_s is None or now_s - self._told_s > STORM_CALM_S
        self._told_s = now_s
        return cabinets if calm else ()


def _drop_old(changes: deque[float], now_s: float) -> None:
    while changes and now_s - changes[0] > WITHIN_S:
        changes.popleft()
