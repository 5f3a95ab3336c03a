"""When a sensor counts as faulty and when as well again: rows of answers, x a miss and . a value."""

import msgspec
import pytest

from core.monitoring.answers import Answers, step_answer
from core.monitoring.readings import FLAT_S, Gate, gated, read
from core.monitoring.rules import Change
from core.samples import Quality
from tests.core.monitoring.factories import a_sample, a_sensor

OPENED, CLEARED = Change.OPENED, Change.CLEARED


def told(answers: str) -> list[Change]:
    watch, found = Answers(), []
    for answer in answers:
        watch, change = step_answer(watch, None, good=answer == ".")
        found += [change] if change else []
    return found


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("xx", []),
        ("xxx", [OPENED]),
        ("xx.xx.xx", []),
        ("xxxxxx", [OPENED]),
        ("xxx..", [OPENED]),
        ("xxx...", [OPENED, CLEARED]),
        ("xxx..x..x..", [OPENED]),
        ("xxx...xx", [OPENED, CLEARED]),
        ("xxx...xxx", [OPENED, CLEARED, OPENED]),
    ],
)
def test_three_misses_open_a_fault_and_three_good_answers_clear_it(answers: str, expected: list[Change]) -> None:
    assert told(answers) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("x........." * 50, []),  # a bus with some noise
        ("x..." * 50, []),
        ("x.." * 50, []),
        ("x." * 50, [OPENED]),
        ("xx." * 50, [OPENED]),
        ("x." * 50 + "." * 8, [OPENED]),
        ("x." * 50 + "." * 9, [OPENED, CLEARED]),
    ],
)
def test_a_sensor_that_answers_now_and_then_is_faulty_until_it_answers_again(
    answers: str, expected: list[Change]
) -> None:
    """Eight misses of the last twenty; and well again after ten values in a row."""
    assert told(answers) == expected


def test_a_probe_that_was_stuck_is_so_after_a_restart_too() -> None:
    """Whatever time the source counts by then; and until its value moves."""
    watch, gate = Answers(), None
    for minute in range(300):
        value = 3.0 + (minute % 20) * 0.125 if minute < 180 else 3.0
        gate, reading = gated(gate, read(a_sample(value, steady_s=1e6 + 60.0 * minute), a_sensor()))
        watch, _ = step_answer(watch, gate, good=reading.quality is Quality.GOOD)
    assert watch.severity is not None
    kept = msgspec.json.decode(msgspec.json.encode(watch), type=Answers).gate
    assert kept is not None
    gate, reading = gated(kept.resumed(5.0), read(a_sample(3.0, steady_s=5.0), a_sensor()))
    assert (reading.quality, reading.fault, reading.value) == (Quality.SUSPECT, "flat_line", None)
    gate, reading = gated(gate, read(a_sample(3.125, steady_s=65.0), a_sensor()))
    assert reading.quality is Quality.GOOD


def test_after_a_restart_the_first_value_is_no_jump() -> None:
    gate = Gate(value=-20.0, at_s=1e6, hour_s=1e6, low=-20.0, high=-20.0)
    _, reading = gated(gate.resumed(0.0), read(a_sample(15.0), a_sensor()))
    assert reading.quality is Quality.GOOD


def test_what_is_known_of_a_probe_is_worth_a_line_when_it_changes() -> None:
    gate = Gate(value=3.0, at_s=0.0, hour_s=0.0, low=3.0, high=3.0)
    assert Answers(gate=gate).phase == Answers(gate=gate, recent=5, misses=1).phase
    assert Answers(gate=gate).phase != Answers(gate=Gate(**{**_fields(gate), "same_s": FLAT_S})).phase


def _fields(gate: Gate) -> dict[str, float]:
    return msgspec.structs.asdict(gate)
