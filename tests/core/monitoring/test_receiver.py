"""What headquarters knows of a case from its events alone, in whatever order they come."""

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RefusalError
from core.events import Event, Severity
from core.monitoring import cases
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Condition
from core.monitoring.chatter import WITHIN_S
from core.settings import Monitor as Patience
from tests.core.monitoring.factories import a_case
from tests.core.monitoring.moves import (
    LATER,
    Move,
    acknowledge,
    clear,
    close,
    data,
    force,
    handle,
    lose_sight,
    note,
    record,
    reopen,
    shelve,
    told,
    unshelve,
    worsen,
)
from tests.fakes import FakeClock


class Memory:
    """A journal and an archive that live as long as the test."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}

    @property
    def seq(self) -> int:
        return 0

    def items(self) -> Iterable[tuple[str, int, bytes]]:
        return [(item_id, 0, document) for item_id, document in self._documents.items()]

    def put(self, item_id: str, document: bytes, *, lazy: bool = False) -> int:
        self._documents[item_id] = document
        return 0

    def delete(self, item_id: str, *, lazy: bool = False) -> int:
        self._documents.pop(item_id, None)
        return 0

    async def settled(self, n: int) -> None:
        """At once."""

    def append(self, name: str, item_id: str, document: bytes) -> bool:
        return True


def reopen_critical(case: Case) -> Case:
    return cases.reopened(case, severity=Severity.CRITICAL, value=11.0, fault=None, at=LATER)


VERBS: list[Move] = [acknowledge, record, handle, note, close, force, shelve, unshelve]
MACHINE: list[Move] = [clear, reopen, reopen_critical, worsen, lose_sight]
COMES_BACK = (reopen, reopen_critical)
SWING: list[Move | float | None] = [clear, 1.0, reopen, 1.0]


class Life:
    """One case in a real book, whose events nobody has fetched yet; `last_told` is how it stood at its last event."""

    def __init__(self, severity: Severity):
        self.clock, self._journal = FakeClock(), Memory()
        self._start()
        self._book.put(cases.opened(a_case(severity=severity)))
        self.last_told = self._now()

    def _start(self) -> None:
        self._book = CaseBook(self._journal, self._journal, self.clock, Patience(escalate_after_s=300.0))

    @property
    def case(self) -> Case:
        return self._book.get("case_1")

    def _now(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.case))
        return found

    async def meets(self, move: Move | float | None) -> None:
        """A verb, a change of the readings, seconds that pass, or None: the box is killed and starts again."""
        seq = self.case.seq
        if move is None:
            self._start()
        elif isinstance(move, float):
            self.clock.advance(move)
            self._book.pass_time()
        elif move in VERBS:
            try:
                await self._book.act("case_1", lambda case, at: move(case))
            except RefusalError:
                return
        elif not self.case.closed and self.case.goes_on is not (move in COMES_BACK):
            self._book.put(move(self.case))
        if self.case.seq > seq:
            self.last_told = self._now()


def lived(moves: list[Move | float | None], severity: Severity) -> Life:
    async def live() -> Life:
        life = Life(severity)
        for move in moves:
            await life.meets(move)
        return life

    return asyncio.run(live())


def known(arriving: Iterable[Event]) -> dict[str, Any]:
    """The event with the highest seq is the whole state; late ones are dropped by their seq."""
    state: dict[str, Any] = {"seq": 0}
    for event in arriving:
        state = max(state, data(event), key=lambda one: int(one["seq"]))
    return state


TIMES = st.sampled_from([1.0, 20.0, 60.0, 301.0, 700.0, 4000.0])
LIVES = st.one_of(
    st.lists(st.one_of(st.sampled_from([*VERBS, *MACHINE]), TIMES, st.none()), max_size=40),
    # One that flaps before the rest of it.
    st.tuples(
        st.integers(5, 12),
        st.lists(st.one_of(st.sampled_from([*MACHINE, acknowledge, shelve, note]), TIMES, st.none()), max_size=30),
    ).map(lambda life: [*SWING * life[0], *life[1]]),
)
SEVERITIES = st.sampled_from([Severity.WARNING, Severity.CRITICAL])


@settings(max_examples=300, deadline=None)
@given(LIVES, SEVERITIES, st.integers())
def test_a_receiver_knows_what_was_told_last_whatever_the_order_of_arrival(
    moves: list[Move | float | None], severity: Severity, seed: int
) -> None:
    life = lived(moves, severity)
    arriving = [*life.case.outbox] * 2
    Random(seed).shuffle(arriving)
    state = known(arriving)
    untold = state.pop("untold")
    assert untold == 0 or told(life.case)[-1] != "case.opened"
    assert state == {name: life.last_told[name] for name in state}


@settings(max_examples=300, deadline=None)
@given(LIVES, SEVERITIES)
def test_after_a_quiet_while_nothing_is_kept_from_a_receiver(
    moves: list[Move | float | None], severity: Severity
) -> None:
    """What a flapping case did is told at the latest when it is calm, also if the box was killed in between."""
    life = lived([*moves, WITHIN_S, WITHIN_S], severity)
    state = known(life.case.outbox)
    assert life.case.untold == 0
    assert (state["handling"], state["severity"]) == (life.case.handling, life.case.severity)
    # That nobody sees it any more is no news; that it has cleared or goes on is.
    assert (state["condition"] == "cleared") is (life.case.condition is Condition.CLEARED)


@settings(max_examples=300, deadline=None)
@given(LIVES, SEVERITIES, st.data())
def test_a_receiver_sees_by_the_numbers_what_is_missing(
    moves: list[Move | float | None], severity: Severity, draw: st.DataObject
) -> None:
    """They run from 1 without a gap, whatever was kept for a digest."""
    events = lived(moves, severity).case.outbox
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    lost = draw.draw(st.sets(st.sampled_from(events[:-1]).map(lambda event: event.seq))) if events[1:] else set()
    came = {event.seq for event in events} - lost
    assert set(range(1, max(seq for seq in came if seq) + 1)) - came == lost


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([reopen, reopen_critical, worsen, clear, 1.0, 60.0]), max_size=60))
def test_what_gets_critical_is_told_at_once_however_much_it_flaps(moves: list[Move | float]) -> None:
    """The first time that it does."""
    life = lived(SWING * 6, Severity.WARNING)

    async def go_on() -> None:
        for move in moves:
            await life.meets(move)
            told_of = {data(event)["severity"] for event in life.case.outbox}
            assert life.case.severity in told_of

    asyncio.run(go_on())
