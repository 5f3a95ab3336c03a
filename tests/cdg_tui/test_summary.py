"""What `cdg status` says of an answer: the verdict, the lines, the document. From values alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.summary import EXIT_CODES, WIDTH, Health, Told, document, health, lines, reasons, unknown_document
from cdg_tui.text import safe_document
from core import wire
from tests.cdg_tui.factories import a_cabinet, a_case, a_dead_letter, a_reading, a_retry, an_endpoint, at
from tests.cdg_tui.fake_core import FakeCore, a_status
from tests.cdg_tui.hostile import HOSTILE
from tests.cdg_tui.shops import a_shop

Change = Callable[[FakeCore], Any]
PROBLEM = wire.Problem(code="network_offline", since=at(-60), text="no endpoint can be reached")


def told(core: FakeCore, took_s: float = 0.01, **status: Any) -> Told:
    return Told(
        took_s=took_s,
        status=a_status(core, **{**core.status_changes, **status}),
        cabinets=tuple(core.cabinets),
        cases=tuple(core.cases),
        endpoints=tuple(core.endpoints),
    )


def a_box(change: Change) -> Told:
    core = FakeCore()
    change(core)
    return told(core)


def a_case_of(**more: Any) -> Change:
    return lambda core: core.cases.append(a_case(**more))


def a_cabinet_that_is(state: str) -> Change:
    return lambda core: core.cabinets.append(a_cabinet("04", "", state=state))


def a_status_of(**changes: Any) -> Change:
    return lambda core: core.status_changes.update(changes)


def a_durability_of(**changes: Any) -> Change:
    plain = wire.DurabilityInfo(state=wire.Durability.DURABLE, degraded=False, archive_unacknowledged=0, journals={})
    return a_status_of(durability=structs.replace(plain, **changes))


@pytest.mark.parametrize(
    "change",
    [
        a_status_of(),
        a_case_of(condition="cleared"),
        a_case_of(severity="info"),
        a_cabinet_that_is("pending"),
        a_cabinet_that_is("out_of_service"),
        lambda core: core.changed(a_retry()),
    ],
    ids=["nothing", "cleared", "info", "timer", "out of service", "pending delivery"],
)
def test_what_nobody_has_to_come_for_is_well(change: Change) -> None:
    box = a_box(change)
    assert (reasons(box), EXIT_CODES[health(box)]) == ((), 0)
    assert lines(box, Words("en"))[0].startswith("all well")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (a_case_of(), "critical"),
        (a_case_of(severity="warning", handling="acknowledged"), "warning"),
        (a_case_of(condition="unknown"), "critical"),
        *((a_cabinet_that_is(state), f"cabinet_{state}") for state in wire.STATES[3:]),
        (a_cabinet_that_is("on_fire"), "cabinet_on_fire"),
        (a_durability_of(state=wire.Durability.MEMORY_ONLY), "not_durable"),
        (a_durability_of(degraded=True), "degraded"),
        (lambda core: core.changed(a_dead_letter()), "dead_letters"),
        (a_status_of(problems=(PROBLEM,)), "network_offline"),
    ],
)
def test_what_needs_a_person_has_a_reason(change: Change, reason: str) -> None:
    box = a_box(change)
    assert (reasons(box), EXIT_CODES[health(box)]) == ((reason,), 1)
    assert lines(box, Words("en"))[0].startswith("NEEDS ATTENTION")


def test_reasons_come_once_and_the_worst_first() -> None:
    core = a_shop()
    found = reasons(told(core, problems=(PROBLEM, PROBLEM)))
    assert found[:3] == ("critical", "warning", "cabinet_critical")
    assert found[-2:] == ("dead_letters", "network_offline")
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lines_fit_and_say_what_there_is(language: Language) -> None:
    """Time in the site's zone, counts, each cabinet that is not well, the newest cases, endpoints that fail."""
    words = Words(language)
    core = a_shop()
    said = lines(told(core, problems=(PROBLEM,)), words)
    text = "\n".join(said)
    assert all(cell_len(line) <= WIDTH for line in said)
    assert "2026-11-25 12:00:03  SH-0412 徐家汇店" in said[0]
    assert [cabinet.name for cabinet in core.cabinets if cabinet.state != "ok" and cabinet.name not in text] == []
    assert "饮料柜" not in text
    assert words("problem.network_offline") in text
    assert words("kind.temp_high") in text
    assert [one.id for one in core.endpoints if one.state != "active" and one.id not in text] == []


def test_cabinets_come_worst_first_each_with_value_limits_and_since_when() -> None:
    found = [line.split() for line in lines(told(a_shop()), Words("en")) if line.startswith("cabinet")]
    assert [line[1] for line in found] == ["CRIT", "WARN", "FAULT", "DOUBT", "STALE", "TIMER", "TIMER", "OUT"]
    assert found[0] == ["cabinet", "CRIT", "03", "鲜奶柜", "9.4C", "0/8", "since", "11:50:02"]


def test_a_value_that_is_not_known_is_no_number() -> None:
    """In its place stands why, and since when there is none."""
    silent = a_reading("03.air", None, state="fault", fault="timeout", quality="fault", last_value=4.4)
    core = FakeCore()
    core.cabinets = [a_cabinet("03", "", silent, state="fault")]
    (line,) = [line for line in lines(told(core), Words("en")) if line.startswith("cabinet")]
    assert line.split() == ["cabinet", "FAULT", "03", "--", "timeout", "since", "12:00:02"]


def test_a_door_is_open_and_no_number() -> None:
    door = a_reading("03.door", 1.0, quantity="door", unit="", state="warning")
    core = FakeCore()
    core.cabinets = [a_cabinet("03", "", a_reading("03.air"), door, state="warning")]
    assert any(line.split()[3:4] == ["open"] for line in lines(told(core), Words("en")) if line.startswith("cabinet"))


def test_of_many_the_rest_is_counted() -> None:
    """The newest cases first, whatever order they came in."""
    core = FakeCore()
    core.cases = [a_case(number, cabinet=f"c{number}", cabinet_name="") for number in (7, 3, 1, 2, 5, 6, 4)]
    found = [line.split() for line in lines(told(core), Words("en")) if line.startswith("alarm")]
    assert [line[2] for line in found[1:6]] == ["c1", "c2", "c3", "c4", "c5"]
    assert found[6] == ["alarm", "2", "more"]


def test_endpoints_that_work_are_not_named_and_what_is_not_told_is_said() -> None:
    core = FakeCore()
    core.endpoints = [an_endpoint("a"), an_endpoint("b", state="open", failures=7, last_error_class="timeout")]
    box = told(core)
    (line,) = [line for line in lines(box, Words("en")) if line.startswith("endpoint")]
    assert line.split()[1:] == ["FAILING", "b", "pend", "2", "7", "in", "a", "row", "timeout"]
    untold = changed(box, endpoints=None)
    assert "can't be read" in "\n".join(lines(untold, Words("en")))
    assert document(untold)["endpoints"] is None


def changed(box: Told, **changes: Any) -> Told:
    return Told(**{**vars(box), **changes})


def test_a_slow_answer_is_said_to_be_slow() -> None:
    assert "SLOW" in "\n".join(lines(told(FakeCore(), took_s=1.5), Words("en")))


def test_a_problem_of_a_later_version_has_the_cores_own_words() -> None:
    later = wire.Problem(code="moths", since=at(-60), text="moths in the fan")
    assert "moths moths in the fan" in "\n".join(lines(told(FakeCore(), problems=(later,)), Words("zh")))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_things_are_called_the_lines_stay_lines(text: str, language: Language) -> None:
    """As they are once the client has made them safe; also with figures that no box has."""
    name = safe_document(text)
    core = FakeCore()
    reading = a_reading(name, None, fault=name, unit=name, state=name, quantity=name, beyond_s=1e300)
    core.cabinets = [
        a_cabinet(name, name, reading, state=name),
        a_cabinet(name, name, a_reading(name, 1e300, unit=name, beyond_s=1e300)),
    ]
    core.cabinets[1] = structs.replace(core.cabinets[1], state="pending")
    core.cases = [a_case(cabinet="x", cabinet_name=name, kind=name, condition=name, handling=name, severity=name)]
    core.endpoints = [an_endpoint(name, failures=3, last_error_class=name, hold=name)]
    device = wire.DeviceInfo(id=name, site=name, site_name=name, timezone=name, language=name, boot_id=name)
    problem = wire.Problem(code=name, since=at(-60), text=name)
    box = told(core, device=device, version=name, network=name, problems=(problem,))
    for line in lines(box, Words(language)):
        assert line.isprintable()
        assert cell_len(line) <= WIDTH
    assert json.loads(json.dumps(document(box)))["status"]["device"]["id"] == name


def test_the_document_names_everything_as_the_api_does() -> None:
    found = json.loads(json.dumps(document(told(a_shop()))))
    assert (found["health"], found["cause"], found["reasons"][0]) == ("attention", None, "critical")
    assert found["status"]["now"] == "2026-11-25T04:00:03Z"
    assert found["cabinets"][0]["sensors"][0]["sensor"] == "03.air"
    assert {"cases", "endpoints"} <= found.keys()


def test_the_document_of_a_core_that_could_not_be_asked_has_the_same_members() -> None:
    found = unknown_document("timeout", "no answer")
    assert found.keys() == document(told(FakeCore())).keys()
    assert (found["health"], found["reasons"], found["cause"], found["status"]) == (
        "unknown",
        ("timeout",),
        "timeout",
        None,
    )
    assert EXIT_CODES[Health.UNKNOWN] == 2
