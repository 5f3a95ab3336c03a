"""The record as CSV: what people's spreadsheets make of it."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from core.record.cells import harmless
from tests.core.monitoring.factories import AIR, START
from tests.core.monitoring.histories import BOX
from tests.core.record.shelves import OTHER, a_handled_case, a_life, keep, made


def sections(directory: Path) -> dict[str, list[dict[str, str]]]:
    """Each by its name, its rows by the first word of their heads that isn't Chinese."""
    text = made(directory, "csv").decode()
    assert text.startswith("\ufeff")
    found: dict[str, list[dict[str, str]]] = {}
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[:-1]
    while [] in rows:
        at = rows.index([])
        name, head, rest = rows[at + 1][0], rows[at + 2], rows[at + 3 :]
        rows = rest
        until = rest.index([]) if [] in rest else len(rest)
        heads = [one.partition(" ")[2] for one in head]
        assert all(len(row) == len(head) for row in rest[:until]), name
        found[name.partition(" ")[2]] = [dict(zip(heads, row, strict=True)) for row in rest[:until]]
    return found


def test_it_has_sections_with_heads_and_as_many_cells_in_each_row(tmp_path: Path) -> None:
    a_life(tmp_path, [-18.5, None, -20.0], terms=OTHER)
    keep(tmp_path, a_handled_case())
    found = sections(tmp_path)
    assert list(found) == ["sensors and limits", "statistics", "gaps", "days", "cases", "steps", "minutes"]
    assert [(row["mean"], row["quality"], row["high"], row["low"]) for row in found["minutes"]] == [
        ("-18.50", "good", "-15.0", ""),
        ("", "fault", "-15.0", ""),
        ("-20.00", "good", "-15.0", ""),
    ]
    assert found["minutes"][0]["local time"] == "2026-11-23 16:00:00"
    assert found["sensors and limits"][0]["offset"] == "-0.4"
    assert found["cases"][0]["kind"] == "高温报警 temp_high"
    assert found["cases"][0]["signed by"] == "李 (uid:0)"
    assert found["cases"][0]["opened (local)"] == "2026-11-23 16:00:00"
    (step,) = found["steps"]
    assert (step["local time"], step["who"], step["what"]) == ("2026-11-23 16:00:00", "李 (uid:0)", "处置 action")
    assert (step["case"], step["disposition"], step["note"]) == ("case_1", "已移到别的柜", "冰")


def test_no_name_and_no_text_of_a_person_is_ever_a_formula(tmp_path: Path) -> None:
    a_life(tmp_path, [-18.5], terms=OTHER, sensor='@x,"y"\n')
    keep(tmp_path, a_handled_case())
    found = sections(tmp_path)
    assert {row["name"] for rows in found.values() for row in rows if row["cabinet"] == "04"} == {"'=雪糕柜"}
    assert {row["sensor"] for row in found["minutes"]} == {'\'@x,"y"\n'}
    assert found["cases"][0]["action"] == found["steps"][0]["action"] == "'=cmd"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＠a", "|cmd", "%1"])
@pytest.mark.parametrize("before", ["", " ", "\xa0", "\u200b", "\ufeff", "\u202e \u3000"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(before: str, text: str) -> None:
    """Also behind what it skips or a person doesn't see."""
    assert harmless(before + text) == "'" + before + text


def test_a_control_character_is_written_out() -> None:
    """A NUL in a CSV ends it for some readers."""
    assert harmless("\x00=1\x1b") == "\\x00=1\\x1b"
    assert harmless("门开着\n -18 \t=") == "门开着\n -18 \t="


def test_clocks_that_are_set_back_show_the_same_local_hour_twice(tmp_path: Path) -> None:
    """In Berlin on 25 October 2026 at 01:00 UTC."""
    away_min = round((START.replace(month=10, day=25, hour=0, minute=59) - START) / timedelta(minutes=1))
    a_life(tmp_path, [1.0, 1.0], at_min=away_min, device=structs.replace(BOX, timezone="Europe/Berlin"))
    rows = sections(tmp_path)["minutes"]
    assert [(row["local time"][11:], row["time UTC"][11:]) for row in rows] == [
        ("02:59:00", "00:59:00Z"),
        ("02:00:00", "01:00:00Z"),
    ]
    assert rows[0]["sensor"] == AIR
