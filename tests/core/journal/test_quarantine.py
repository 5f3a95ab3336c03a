"""What a journal does not carry on is kept with a report, within bounds, until a person has seen it."""

import os
from pathlib import Path

import pytest

from core.journal.quarantine import FIRST_KEPT, MOST_BYTES, MOST_PIECES, Quarantine, Report
from core.wire import Durability, JournalHealth
from tests.core.journal.damage import a_file, health, reports
from tests.core.journal.rigs import (
    T,
    a_generation,
    a_journal,
    a_line,
    child,
    items,
    opened,
    output,
    put,
    quarantined,
    reopened,
)

DAMAGED = a_generation("a", "b") + b"damage\n" + a_line(4, item_id="c")


def acknowledged(path: Path, by: str = "wang") -> JournalHealth:
    with opened(path) as journal:
        journal.acknowledge(by)
        return journal.health()


# -- the report --------------------------------------------------------------------------------------------------------


def test_a_report_says_what_was_wrong_where_and_when(tmp_path: Path) -> None:
    path = a_file(tmp_path, DAMAGED)
    reopened(path)
    assert reports(path) == [
        {
            "reason": "damaged",
            "at": T,
            "generation": 1,
            "last_n": 4,
            "offset": 0,
            "bytes": len(DAMAGED),
            "damaged_lines": 1,
            "lost_numbers": 1,
            "acknowledged_at": None,
            "acknowledged_by": None,
        }
    ]


def test_the_report_of_a_torn_end_says_where_it_stood(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_generation("a") + b"torn")
    reopened(path)
    [told] = reports(path)
    assert (told["reason"], told["offset"], told["bytes"]) == ("torn_tail", len(a_generation("a")), 4)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [("removed", "missing"), ("emptied", "empty"), ("announced", "incomplete"), ("link", "not_a_file")],
)
def test_every_accident_has_a_reason_of_its_own(tmp_path: Path, harm: str, reason: str) -> None:
    a_file(tmp_path, a_generation("a"), ".prev")
    path = tmp_path / "retries.jsonl"
    if harm == "emptied":
        path.touch()
    elif harm == "announced":
        path.write_bytes(a_generation("a", "b", gen=2).replace(a_line(2, item_id="b", document=b'"b"'), b""))
    elif harm == "link":
        path.symlink_to(tmp_path / "nowhere")
    reopened(path)
    assert [told["reason"] for told in reports(path)] == [reason]


# -- until a person has seen it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [DAMAGED, a_generation("a") + b"torn", b""], ids=["middle", "torn", "empty"])
def test_it_stays_degraded_over_restarts_until_somebody_has_seen_it(tmp_path: Path, data: bytes) -> None:
    path = a_file(tmp_path, data)
    for _ in range(3):
        assert (health(path).degraded, health(path).unacknowledged) == (True, 1)
    assert (acknowledged(path).degraded, acknowledged(path).unacknowledged) == (False, 0)
    assert (health(path).degraded, health(path).unacknowledged) == (False, 0)


def test_who_has_seen_it_and_when_stands_in_the_report(tmp_path: Path) -> None:
    path = a_file(tmp_path, DAMAGED)
    acknowledged(path, "王师傅")
    [told] = reports(path)
    assert (told["acknowledged_by"], told["acknowledged_at"]) == ("王师傅", T)
    assert quarantined(path) == [DAMAGED]


def test_new_damage_after_an_acknowledgement_is_shown_again(tmp_path: Path) -> None:
    path = a_file(tmp_path, DAMAGED)
    acknowledged(path)
    path.write_bytes(path.read_bytes() + b"torn")
    assert (health(path).degraded, health(path).unacknowledged) == (True, 1)


def test_a_piece_that_lost_its_report_is_not_seen_yet(tmp_path: Path) -> None:
    path = a_file(tmp_path, DAMAGED)
    acknowledged(path)
    (tmp_path / "quarantine" / "retries.jsonl-0001.json").write_bytes(b"half a rep")
    assert health(path).unacknowledged == 1
    assert acknowledged(path).unacknowledged == 0
    assert health(path).unacknowledged == 0


def test_an_acknowledgement_that_can_not_be_written_down_is_refused(tmp_path: Path) -> None:
    """Else it would be gone with the next start."""
    path = a_file(tmp_path, DAMAGED)
    with opened(path) as journal:
        report = tmp_path / "quarantine" / "retries.jsonl-0001.json"
        report.unlink()
        report.mkdir()
        with pytest.raises(OSError, match="directory"):
            journal.acknowledge("wang")
        assert journal.health().degraded


# -- bounds ------------------------------------------------------------------------------------------------------------


def kept_numbers(path: Path, ending: str = "bad") -> list[int]:
    return sorted(int(one.stem.rpartition("-")[2]) for one in (path.parent / "quarantine").glob(f"*.{ending}"))


def test_the_first_five_and_the_newest_pieces_are_kept(tmp_path: Path) -> None:
    path = a_journal(tmp_path, "a")
    for number in range(1, 31):
        path.write_bytes(path.read_bytes() + b"torn %d" % number)
        reopened(path)
    newest = range(30 - (MOST_PIECES - FIRST_KEPT) + 1, 31)
    assert kept_numbers(path) == [*range(1, FIRST_KEPT + 1), *newest]
    assert kept_numbers(path, "json") == kept_numbers(path)
    assert quarantined(path)[-1] == b"torn 30"
    assert health(path).torn_tails == 30


def test_big_pieces_go_sooner(tmp_path: Path) -> None:
    """16 MiB in all; the very first and the newest one stay whatever their size."""
    path, size = tmp_path / "retries.jsonl", 3 * 1024 * 1024
    quarantine = Quarantine(tmp_path / "quarantine", path.name)
    for number in range(9):
        path.touch()
        os.truncate(path, size + number)
        quarantine.keep(Report(reason="damaged", bytes=size + number), path, T)
        path.unlink()
    assert kept_numbers(path) == kept_numbers(path, "json") == [1, 6, 7, 8, 9]
    assert quarantine.bytes == 5 * size + 0 + 5 + 6 + 7 + 8 <= MOST_BYTES
    path.touch()
    os.truncate(path, 2 * MOST_BYTES)
    quarantine.keep(Report(reason="damaged", bytes=2 * MOST_BYTES), path, T)
    assert kept_numbers(path) == [1, 10]


def test_a_directory_among_the_pieces_stops_no_journal(tmp_path: Path) -> None:
    """What stood in the file's place is for a person to look at; it is neither dropped nor in the way."""
    path = tmp_path / "retries.jsonl"
    quarantine = Quarantine(tmp_path / "quarantine", path.name)
    for number in range(MOST_PIECES + 5):
        if number == FIRST_KEPT + 1:
            path.mkdir()
            quarantine.keep(Report(reason="not_a_file"), path, T)
            continue
        path.write_bytes(b"%d" % number)
        quarantine.keep(Report(reason="damaged", bytes=path.stat().st_size), path, T)
        path.unlink()
    assert quarantine.files == MOST_PIECES + 1
    assert len([one for one in (tmp_path / "quarantine").glob("*.bad") if one.is_dir()]) == 1


def test_journals_of_one_directory_keep_apart(tmp_path: Path) -> None:
    """One's accidents are none of the other's, also where its name is longer."""
    for name in ("cases.jsonl", "cases.jsonl-old"):
        reopened_with_a_torn_end(tmp_path / name)
    assert health(tmp_path / "cases.jsonl").quarantined_files == 1
    acknowledged(tmp_path / "cases.jsonl")
    assert health(tmp_path / "cases.jsonl-old").unacknowledged == 1


def reopened_with_a_torn_end(path: Path) -> None:
    path.write_bytes(a_generation("a") + b"torn")
    reopened(path)


# -- a repair that is not finished -------------------------------------------------------------------------------------


def without_a_rewrite(path: Path) -> str:
    """What a start says that can make no new file (nothing may be written), and is then killed."""
    return output(child(WITHOUT_A_REWRITE, str(path))).strip()


WITHOUT_A_REWRITE = """
import os, pathlib, resource, sys
from core.journal import SnapshotJournal
from core.journal.quarantine import Quarantine
from tests.fakes import FakeClock
path = pathlib.Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))  # enough for a report, too little for a generation
journal = SnapshotJournal(path, FakeClock())
told = journal.health()
print(told.state, told.degraded, *sorted(item for item, _, _ in journal.items()), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("end", [b"damage\n" + a_line(4, item_id="c"), b"torn"], ids=["middle", "torn"])
def test_the_same_damage_is_kept_once_over_starts_that_can_not_rewrite(tmp_path: Path, end: bytes) -> None:
    """The bytes are put aside before the new file is made; while that fails, each start finds them again."""
    path = a_file(tmp_path, a_generation("a", "b", "x" * 400) + end)
    found = path.read_bytes()
    for _ in range(3):
        assert without_a_rewrite(path).startswith("memory_only True a b")
    assert path.read_bytes() == found
    Quarantine(tmp_path / "quarantine", path.name).acknowledge("wang", T)
    without_a_rewrite(path)
    assert {"a", "b"} <= set(reopened(path))
    assert quarantined(path) == [end if end == b"torn" else found]
    assert [told["acknowledged_by"] for told in reports(path)] == ["wang"]
    assert not health(path).degraded


def test_the_same_bytes_in_a_new_accident_are_to_be_seen_again(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_generation("a") + b"torn")
    acknowledged(path)
    path.write_bytes(path.read_bytes() + b"torn")
    assert health(path).unacknowledged == 1
    assert health(path).torn_tails == 2


@pytest.mark.parametrize("name", ["retries.jsonl.new", "retries.jsonl.prev.tmp", "retries.jsonl.prev"])
@pytest.mark.parametrize("kind", ["file", "empty directory", "full directory", "hanging link"])
def test_what_stands_in_the_way_of_a_rewrite_stops_none(tmp_path: Path, name: str, kind: str) -> None:
    path, inside = a_journal(tmp_path, "a"), b"somebody's"
    path.write_bytes(path.read_bytes() + b"torn")
    in_the_way = path.with_name(name)
    in_the_way.unlink(missing_ok=True)
    if kind == "file":
        in_the_way.write_bytes(b"left over")
    elif kind == "hanging link":
        in_the_way.symlink_to(tmp_path / "nowhere")
    else:
        in_the_way.mkdir()
        if kind == "full directory":
            (in_the_way / "inside").write_bytes(inside)
    with opened(path) as journal:
        assert journal.health().state is Durability.DURABLE
        put(journal, "b")
    assert set(reopened(path)) == {"a", "b"}
    kept = [one.read_bytes() for one in path.parent.rglob("inside")]
    assert kept == ([inside] if kind == "full directory" else [])


# -- a file that is not there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("present", [b"", None], ids=["empty", "missing"])
@pytest.mark.parametrize("beside", ["quarantine", "prev", "both"])
def test_a_file_that_is_gone_is_no_first_start(tmp_path: Path, present: bytes | None, beside: str) -> None:
    """What is there of earlier times shows that something was lost."""
    path = a_file(tmp_path, DAMAGED)
    if beside != "prev":
        acknowledged(path)
    path.unlink()
    if beside != "quarantine":
        a_file(tmp_path, a_generation("a"), ".prev")
    else:
        path.with_name("retries.jsonl.prev").unlink(missing_ok=True)
    if present is not None:
        path.write_bytes(present)
    with opened(path) as journal:
        assert set(items(journal)) == (set() if beside == "quarantine" else {"a"})
        assert (journal.health().damaged_lines, journal.health().unacknowledged) == (1, 1)
    assert reports(path)[-1]["reason"] == ("missing" if present is None else "empty")


def test_an_empty_file_alone_is_told(tmp_path: Path) -> None:
    """Nothing that this program does leaves one."""
    assert health(a_file(tmp_path, b"")).unacknowledged == 1
