"""Whether a sensor answers as one that works: with values, and not only now and then. Pure.

One silent or broken answer is normal on a bus. Several in a row are a fault, and so are many of the last ones: a probe with a
broken wire gives a value now and again, and whoever believed those would watch a cabinet by luck.
"""

from typing import Final

from msgspec import structs

from core.events import Severity
from core.monitoring.readings import Gate
from core.monitoring.rules import Change, Watch

MISSES_TO_OPEN: Final = 3
GOODS_TO_CLEAR: Final = 3
LOOKED_BACK: Final = 20  # answers
MANY_MISSES: Final = 8  # of those
FEW_MISSES: Final = 4
SAME_GRAIN_S: Final = 900.0


class Answers(Watch, frozen=True, kw_only=True, omit_defaults=True):
    """`misses` and `goods` count in a row, `recent` has a bit for each miss of the last LOOKED_BACK answers, the newest lowest.
    `gate` is what the quality gate knows of the probe: without it a stuck one would be believed again after a restart.
    """

    misses: int = 0
    goods: int = 0
    recent: int = 0
    gate: Gate | None = None

    @property
    def pending(self) -> bool:
        return False

    @property
    def phase(self) -> tuple[object, ...]:
        """Of a probe that moves the gate knows soon enough again that it does."""
        gate = self.gate
        return self.severity, gate is not None and gate.lively, 0 if gate is None else int(gate.same_s // SAME_GRAIN_S)

    @property
    def runs(self) -> bool:
        return False

    def ended(self) -> "Answers":
        return Answers(gate=self.gate)


def step_answer(watch: Answers, gate: Gate | None, *, good: bool) -> tuple[Answers, Change | None]:
    """One answer of a sensor: a value, or a fault; `gate` after it."""
    recent = (watch.recent << 1 | (not good)) & ((1 << LOOKED_BACK) - 1)
    misses, goods = (0, watch.goods + 1) if good else (watch.misses + 1, 0)
    after = structs.replace(watch, misses=misses, goods=goods, recent=recent, gate=gate)
    bad = recent.bit_count()
    if watch.severity is None:
        if misses < MISSES_TO_OPEN and (good or bad < MANY_MISSES):
            return after, None
        return structs.replace(after, severity=Severity.WARNING), Change.OPENED
    if goods < GOODS_TO_CLEAR or (bad > FEW_MISSES and goods < LOOKED_BACK // 2):
        return after, None
    return structs.replace(after, severity=None, recent=0), Change.CLEARED
