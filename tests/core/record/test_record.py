"""The record says what was measured, by which limits it was judged then, what is missing, and who did what."""

import hashlib
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from core.errors import RefusalError
from core.monitoring import cases, handling
from core.monitoring.cases import Handling
from core.record.facts import Document
from tests.core.monitoring.factories import AIR, START, a_case
from tests.core.monitoring.histories import a_history, record, some_terms
from tests.core.monitoring.old_history import an_old_history
from tests.core.record.shelves import OTHER, SOON, a_handled_case, a_life, archive, facts, keep, made, minutes, sensor
from tests.fakes import FakeClock

STRICT = some_terms(high=5.0, offset=-0.4, calibrated_on="2026-10-01", calibrated_by="李工", preset="iso_m1")


# -- limits in force then ----------------------------------------------------------------------------------------------


def test_each_minute_stands_beside_the_limits_that_held_then(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, 6.0])
    a_life(tmp_path, [4.0, 6.0], at_min=2, terms=STRICT)
    assert [(one["at"], one["local"], one["mean"], one["limits"]["high"]) for one in minutes(tmp_path)] == [
        ("2026-11-23T08:00:00Z", "2026-11-23T16:00:00+08:00", 4.0, 8.0),
        ("2026-11-23T08:01:00Z", "2026-11-23T16:01:00+08:00", 6.0, 8.0),
        ("2026-11-23T08:02:00Z", "2026-11-23T16:02:00+08:00", 4.0, 5.0),
        ("2026-11-23T08:03:00Z", "2026-11-23T16:03:00+08:00", 6.0, 5.0),
    ]


def test_the_terms_are_listed_with_the_time_they_held(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, 6.0])
    a_life(tmp_path, [4.0, 6.0], at_min=2, terms=STRICT)
    first, second = sensor(tmp_path)["periods"]
    assert (first["since"], first["until"], first["high"], first["offset"]) == (
        "2026-11-23T08:00:00Z",
        "2026-11-23T08:02:00Z",
        8.0,
        0.0,
    )
    assert (second["since_local"], second["high"], second["offset"]) == ("2026-11-23 16:02:00", 5.0, -0.4)
    assert (second["calibrated_on"], second["calibrated_by"], second["preset"]) == ("2026-10-01", "李工", "iso_m1")


def test_time_in_limit_is_by_the_limits_in_force_then(tmp_path: Path) -> None:
    """The same 6 °C is inside before and above after; below the lower limit is no more inside than above the upper one."""
    a_life(tmp_path, [4.0, 6.0])
    a_life(tmp_path, [4.0, 6.0, 6.5, -1.0, 5.5], at_min=2, terms=STRICT)
    found = sensor(tmp_path)["statistics"]
    assert (found["known_min"], found["judged_min"], found["in_limit_min"]) == (7, 7, 3)
    assert found["in_limit_pct"] == pytest.approx(100 * 3 / 7, abs=0.001)
    assert (found["excursions"], found["longest_excursion_min"]) == (2, 2)
    assert (found["min"], found["mean"], found["max"]) == (-1.0, pytest.approx(31 / 7, abs=0.001), 6.5)


@pytest.mark.parametrize("upgraded", [False, True])
def test_limits_that_nobody_wrote_down_are_unknown_and_never_todays(tmp_path: Path, upgraded: bool) -> None:
    an_old_history(tmp_path, minutes=3)
    if upgraded:
        a_life(tmp_path, [4.0], at_min=3)
    assert [one["limits"] and one["limits"]["high"] for one in minutes(tmp_path)] == [None] * 3 + [8.0] * upgraded
    found = sensor(tmp_path)
    assert [period["known"] for period in found["periods"]] == [False] + [True] * upgraded
    assert found["cabinet"] == ("03" if upgraded else None)
    said = found["statistics"]
    assert (said["known_min"], said["judged_min"], said["in_limit_min"]) == (3 + upgraded, upgraded, upgraded)
    assert "未知 unknown" in made(tmp_path, "csv").decode()


def test_a_sensor_that_moved_stands_in_both_cabinets_with_what_it_measured_there(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, 4.0])
    a_life(tmp_path, [-20.0], at_min=2, terms=OTHER)
    assert [(one["cabinet"], one["statistics"]["known_min"]) for one in facts(tmp_path)["sensors"]] == [
        ("03", 2),
        ("04", 1),
    ]
    assert [one["mean"] for one in minutes(tmp_path, cabinets=("04",))] == [-20.0]
    with pytest.raises(RefusalError) as refusal:
        made(tmp_path, cabinets=("99",))
    assert (refusal.value.status, refusal.value.code) == (404, "cabinet_not_found")


# -- gaps --------------------------------------------------------------------------------------------------------------


def test_gaps_are_stated_within_and_at_both_ends(tmp_path: Path) -> None:
    """A minute of faults is missing as much as one of which there is nothing; the last three may not be on disk yet."""
    history = a_history(tmp_path, FakeClock())
    record(history, [1.0, None, 1.0])
    record(history, [1.0], at=START + timedelta(minutes=30), steady_s=1800.0)
    history._end_all(fresh=True)
    history._commit_and_close()
    found = sensor(tmp_path, since=START - timedelta(hours=1))
    assert [(gap["since"][11:16], gap["until"][11:16], gap["minutes"]) for gap in found["gaps"]] == [
        ("07:00", "08:00", 60),
        ("08:01", "08:02", 1),
        ("08:03", "08:30", 27),
        ("08:31", "09:00", 29),
    ]
    assert (found["statistics"]["gaps"], found["statistics"]["gap_min"]) == (4, 117)
    assert [gap["minutes"] for gap in sensor(tmp_path, until=START + timedelta(minutes=10))["gaps"]] == [1, 7]


def test_a_sensor_that_says_nothing_all_along_is_one_gap(tmp_path: Path) -> None:
    a_life(tmp_path, [1.0])
    found = sensor(tmp_path, since=START + timedelta(minutes=20), until=START + timedelta(minutes=40))
    assert ([gap["minutes"] for gap in found["gaps"]], found["statistics"]["known_min"]) == ([20], 0)
    assert minutes(tmp_path, since=START + timedelta(minutes=20)) == []


def test_an_excursion_goes_on_through_a_gap_and_over_midnight(tmp_path: Path) -> None:
    """Local midnight is at minute 480 here; SQLite adds up each day by itself."""
    a_life(tmp_path, [9.0] * 478 + [None, 9.0, 9.0, 9.0] + [4.0] * 3 + [9.0])
    found = sensor(tmp_path, now=START + timedelta(days=1))
    assert (found["statistics"]["excursions"], found["statistics"]["longest_excursion_min"]) == (2, 481)
    assert [(day["day"], day["known_min"]) for day in found["days"]] == [("2026-11-23", 479), ("2026-11-24", 6)]
    assert (found["days"][1]["min"], found["days"][1]["max"], found["days"][1]["in_limit_min"]) == (4.0, 9.0, 3)


# -- cases -------------------------------------------------------------------------------------------------------------


def test_a_case_says_what_was_done_and_who_signed_although_the_machine_closed_it(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    keep(tmp_path, a_handled_case())
    (case,) = facts(tmp_path)["cases"]
    assert case["handling"] == "closed"
    assert (case["action"], case["disposition"], case["signed_by"]) == ("=cmd", "已移到别的柜", "李 (uid:0)")
    assert (case["limit"], case["peak"], case["opened_at"]) == (8.0, 9.5, "2026-11-23T08:00:00Z")


def test_nothing_that_was_done_goes_missing_when_it_is_corrected(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    case = cases.opened(a_case())
    for action, disposition in (("移走", "-2 箱报废"), ("修", "报废")):
        case = handling.record(case, actor="李", action=action, disposition=disposition, note="", at=START)
    keep(tmp_path, case)
    (case,) = facts(tmp_path)["cases"]
    assert [(one["actor"], one["action"], one["disposition"]) for one in case["steps"]] == [
        ("李", "移走", "-2 箱报废"),
        ("李", "修", "报废"),
    ]
    assert (case["steps"][0]["at"], case["steps"][0]["at_local"]) == ("2026-11-23T08:00:00Z", "2026-11-23 16:00:00")
    assert (case["opened_local"], case["closed_local"]) == ("2026-11-23 16:00:00", None)


def test_a_note_and_an_acknowledgement_sign_nothing(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    seen = handling.acknowledge(cases.opened(a_case()), actor="李", note="", at=START)
    keep(tmp_path, handling.note(seen, actor="实习生乙", note="来过", at=START))
    (case,) = facts(tmp_path)["cases"]
    assert (case["signed_by"], [one["actor"] for one in case["steps"]]) == (None, ["李", "实习生乙"])


@pytest.mark.parametrize(("kept", "signed_by"), [("closed", "chen"), ("actioned", None)])
def test_of_an_earlier_versions_cases_only_who_closed_one_is_known_to_have_signed(
    tmp_path: Path, kept: str, signed_by: str | None
) -> None:
    a_life(tmp_path, [4.0])
    done = structs.replace(cases.opened(a_case()), handling=Handling.ACTIONED, actor="chen")
    keep(tmp_path, cases.closed(done, START) if kept == "closed" else done)
    (case,) = facts(tmp_path)["cases"]
    assert (case["handling"], case["signed_by"], case["steps"]) == (kept, signed_by, [])


def test_cases_come_from_the_archive_too_and_only_those_whose_life_touches_the_time(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    long_ago = a_handled_case("case_0", opened_at=START - timedelta(days=400))
    archive(tmp_path, long_ago)
    archive(tmp_path, a_handled_case("case_1"))
    keep(tmp_path, a_handled_case("case_1"), a_case(case_id="case_2", opened_at=START + timedelta(days=1), sensor="x"))

    def found(**asked: object) -> list[str]:
        return [case["case_id"] for case in facts(tmp_path, **asked)["cases"]]

    assert found() == ["case_0", "case_1", "case_2"]
    assert found(since=START, until=START + timedelta(hours=1)) == ["case_1"]
    assert found(since=START + timedelta(minutes=4)) == ["case_1", "case_2"]
    assert found(since=START + timedelta(minutes=6)) == ["case_2"]


def test_damaged_lines_of_the_archive_are_counted_and_hide_no_other(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    for name in ("case_1", "case_2"):
        archive(tmp_path, a_handled_case(name))
    path = tmp_path / "archive" / "cases-2026.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"case_1"', b'"case_X"', 1))
    found = facts(tmp_path)
    assert ([case["case_id"] for case in found["cases"]], found["damaged_case_lines"]) == (["case_2"], 1)


# -- the file ----------------------------------------------------------------------------------------------------------


def test_it_says_of_which_box_it_is_and_when_it_was_made(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    found = facts(tmp_path, since=START)
    assert (found["device"], found["site"], found["site_name"]) == ("box-7", "s-1", "徐家汇店")
    assert (found["timezone"], found["since"], found["until"]) == ("Asia/Shanghai", "2026-11-23T08:00:00Z", None)
    head = made(tmp_path).splitlines()[0]
    assert b'"at":"2026-11-23T09:03:00Z"' in head
    assert b'"clock_synchronised":true' in head


def test_the_box_and_its_sensors_are_known_before_the_first_minute_is_over(tmp_path: Path) -> None:
    a_history(tmp_path, FakeClock())
    found = facts(tmp_path, cabinets=("03",))
    assert found["site_name"] == "徐家汇店"
    assert [(one["cabinet"], one["sensor"]) for one in found["sensors"]] == [("03", AIR)]


def test_it_is_what_the_document_of_the_manage_api_says(tmp_path: Path) -> None:
    an_old_history(tmp_path)
    a_life(tmp_path, [4.0, None], at_min=3)
    keep(tmp_path, a_handled_case())
    found = msgspec.json.decode(made(tmp_path), type=Document)
    assert [one.limits and one.limits.high for one in found.record.minutes[0].minutes] == [None] * 3 + [8.0] * 2
    assert json.loads(msgspec.json.encode(found)) == json.loads(made(tmp_path))


def test_what_was_never_measured_says_so(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0], terms=some_terms(simulated=True))
    assert facts(tmp_path)["simulated"] is True
    assert "模拟数据" in made(tmp_path, "csv").decode()


def test_any_tool_can_cut_out_what_the_hash_is_of(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, 5.0])
    path = tmp_path / "record"
    for kind, command in (
        ("json", "tail -n +2 record | head -n -1 | sha256sum"),
        ("csv", "head -n -1 record | sha256sum"),
    ):
        path.write_bytes(made(tmp_path, kind))  # type: ignore[arg-type]
        done = subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert done.stdout.split()[0] in path.read_text().splitlines()[-1]


def test_the_same_facts_have_the_same_hash_whenever_they_are_exported(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, 5.0])
    until = START + timedelta(minutes=10)
    first, later = (made(tmp_path, now=SOON + timedelta(days=n), until=until).splitlines() for n in (0, 3))
    assert first[0] != later[0]
    assert first[1:] == later[1:]
    assert hashlib.sha256(b"".join(line + b"\n" for line in first[1:-1])).hexdigest().encode() in first[-1]
    assert AIR.encode() in first[1]
