"""Each system call of each phase of a journal's life fails in each way, once or for as long as the fault lasts.

The process goes on, calls itself durable exactly where everything it accepted is on disk, and heals when the fault is over.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.core.journal.fault_rig import CALLS, Held, Moment, Step
from tests.core.journal.phases import PHASES, a_process
from tests.core.journal.rigs import as_left_by_a_kill, items, needs_strace, opened

pytestmark = needs_strace

ERRORS = ("EIO", "ENOSPC", "EROFS")
AT_A_TIME = 4
FAR_TOO_MUCH = 10**6  # bytes that a lying write says it has written


@dataclass(frozen=True)
class Fault:
    """The call of that name in that phase does not do what it should: the first time only, or from then on."""

    phase: str
    step: str
    how: str
    sticky: bool

    def __str__(self) -> str:
        return (
            f"{self.phase}: {self.step}: {self.how.removeprefix('error=')} {'from then on' if self.sticky else 'once'}"
        )

    @property
    def call(self) -> str:
        return self.step.split()[0]


def all_faults() -> Iterator[object]:
    """Every step with every error belongs to the torture; each call has every error, once and lasting, in the quick part."""
    steps = [(phase, step) for phase, known in PHASES.items() for step in known.steps]
    turn = dict.fromkeys(CALLS, 0)
    often = Counter(step.split()[0] for _, step in steps)
    for phase, step in steps:
        call = step.split()[0]
        quick = {ERRORS[turn[call] % len(ERRORS)]} if often[call] >= len(ERRORS) else set(ERRORS)
        turn[call] += 1
        for error, sticky in itertools.product(ERRORS, (False, True)):
            marks = () if error in quick else (pytest.mark.torture,)
            yield marked(Fault(phase, step, f"error={error}", sticky), marks)
        if call == "write":
            for taken, sticky in ((FAR_TOO_MUCH, False), (FAR_TOO_MUCH, True), (1, False), (0, True)):
                yield marked(Fault(phase, step, f"retval={taken}", sticky), ())


def marked(fault: Fault, marks: Sequence[pytest.MarkDecorator]) -> object:
    return pytest.param(fault, id=str(fault), marks=marks)


@dataclass(frozen=True)
class Outcome:
    """What came of it: the moments under the fault and after it, the last state that was called durable, what a kill under
    the fault left, and how it ended.
    """

    under: list[Moment]
    after: list[Moment]
    steps: list[Step]
    promised: Held
    accepted: Held
    left_by_a_kill: Held
    exit_code: int
    reopened: Held

    @property
    def unreadable(self) -> bool:
        """What can't be read at the start is not touched, so only a restart can bring back what is in it."""
        reads = itertools.takewhile(lambda step: step.call == "openat", self.steps)
        return any(step.injected and step.name != "openat quarantine" for step in reads)


def outcome_of(fault: Fault, nth: int) -> Outcome:
    """`nth`: which call of its kind the fault hits."""
    phase, last = PHASES[fault.phase], "+" if fault.sticky else ""
    with a_process(phase) as (process, place):
        with process.traced(f"{CALLS[fault.call]}:{fault.how}:when={nth}{last}") as steps:
            under = process.obey(*phase.under)
            killed = as_left_by_a_kill(process.path, place)
        promised = process.promised
        after = process.obey(*phase.over, "advance 61", "put e 1 1")
        process.obey("close")
        return Outcome(
            under, after, steps, promised, process.accepted, held_in(killed), process.end(), held_in(process.path)
        )


def held_in(path: Path) -> Held:
    with opened(path) as journal:
        return {item: int(document) for item, document in items(journal).items()}


def numbers_of(name: str) -> dict[str, int]:
    """For each step of a phase in which nothing fails, which call of its kind it is: `write new 2` may be the third."""
    with a_process(PHASES[name]) as (process, _), process.traced() as steps:
        process.obey(*PHASES[name].under)
    calls, times, numbers = Counter[tuple[str, str]](), Counter[str](), dict[str, int]()
    for step in steps:
        calls[step.thread, step.call] += 1
        times[step.name] += 1
        numbers[step.name if times[step.name] == 1 else f"{step.name} {times[step.name]}"] = calls[
            step.thread, step.call
        ]
    return numbers


Outcomes = Callable[[Fault], Outcome]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """Those of the chosen faults, each in a process of its own, some at a time."""
    chosen = {item.callspec.params.get("fault") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        numbers = {name: pool.submit(numbers_of, name) for name in PHASES}
        running: dict[Fault, Future[Outcome]] = {
            fault: pool.submit(lambda fault: outcome_of(fault, numbers[fault.phase].result()[fault.step]), fault)
            for fault in chosen
            if isinstance(fault, Fault)
        }
        yield lambda fault: running[fault].result()


every_fault = pytest.mark.parametrize("fault", list(all_faults()))


@every_fault
def test_it_goes_on_and_ends_well(fault: Fault, outcomes: Outcomes) -> None:
    """The fault took place, and the process neither failed nor hung."""
    outcome = outcomes(fault)
    assert any(step.injected for step in outcome.steps)
    assert outcome.exit_code == 0


@every_fault
def test_it_says_durable_exactly_where_everything_is_on_disk(fault: Fault, outcomes: Outcomes) -> None:
    """In the file for everybody to read, and synced; else it says that it is only in memory."""
    outcome = outcomes(fault)
    for moment in (*outcome.under, *outcome.after):
        if moment.order.startswith("put"):
            assert moment.claims == moment.safe, moment


@every_fault
def test_a_kill_under_the_fault_keeps_what_was_durable(fault: Fault, outcomes: Outcomes) -> None:
    outcome = outcomes(fault)
    assert outcome.left_by_a_kill.items() >= outcome.promised.items()


@every_fault
def test_it_heals_when_the_fault_is_over(fault: Fault, outcomes: Outcomes) -> None:
    """Without a restart; and a restart then finds everything."""
    outcome = outcomes(fault)
    assert outcome.after[-1].claims is not outcome.unreadable, outcome.after[-1]
    assert outcome.reopened == (outcome.promised if outcome.unreadable else outcome.accepted)
