"""AppendLog: grows, survives torn tails, and never touches a newer version's file."""

from pathlib import Path

import pytest

from core.errors import JournalError
from core.journal import AppendLog
from core.journal.quarantine import Quarantine
from tests.core.journal.rigs import a_line, child, lines, output, quarantined
from tests.core.journal.test_recovery import NEWER, framed
from tests.fakes import FakeClock


def a_log(directory: Path, *ids: str) -> Path:
    path = directory / "audit.jsonl"
    log = the_log(path)
    for item_id in ids:
        log.append(item_id, b'{"who":"%s"}' % item_id.encode())
    return path


def the_log(path: Path) -> AppendLog:
    return AppendLog(path, Quarantine(path.parent / "quarantine", path.name), FakeClock())


def ids(path: Path) -> list[str]:
    return [line["id"] for line in lines(path)]


def test_each_append_is_one_numbered_line(tmp_path: Path) -> None:
    """Members, numbers and documents as in every journal line."""
    written = lines(a_log(tmp_path, "a", "b"))
    assert [(line["v"], line["n"], line["k"], line["d"]) for line in written] == [
        (1, 1, "put", {"who": "a"}),
        (1, 2, "put", {"who": "b"}),
    ]


def test_numbers_go_on_after_a_reopening(tmp_path: Path) -> None:
    """Nothing is written at opening, and counting goes on."""
    path = a_log(tmp_path, "a", "b")
    assert a_log(tmp_path, "c") == path
    assert [line["n"] for line in lines(path)] == [1, 2, 3]


def test_the_same_id_may_come_again(tmp_path: Path) -> None:
    """It is a log, not a dictionary: every line stays."""
    assert ids(a_log(tmp_path, "a", "a")) == ["a", "a"]


def test_opening_makes_the_directory_but_no_file(tmp_path: Path) -> None:
    """An archive that nothing was written to is not there."""
    path = a_log(tmp_path / "archive")
    assert path.parent.is_dir()
    assert not path.exists()


def test_a_tail_torn_at_any_byte_is_kept_and_cut_off(tmp_path: Path) -> None:
    """Wherever the last line ends, the others stay, its bytes are in quarantine, and the next append is readable."""
    whole = a_log(tmp_path, "a", "b").read_bytes()
    start = whole.index(b"\n") + 1
    for end in range(start + 1, len(whole) - 1):
        directory = tmp_path / str(end)
        directory.mkdir()
        (directory / "audit.jsonl").write_bytes(whole[:end])
        path = a_log(directory, "c")
        assert ids(path) == ["a", "c"]
        assert quarantined(path) == [whole[start:end]]


def test_a_whole_last_line_without_its_line_feed_is_accepted(tmp_path: Path) -> None:
    """The next line does not stick to it."""
    path = a_log(tmp_path, "a", "b")
    path.write_bytes(path.read_bytes()[:-1])
    assert ids(a_log(tmp_path, "c")) == ["a", "b", "c"]
    assert [line["n"] for line in lines(path)] == [1, 2, 3]


@pytest.mark.parametrize("data", [framed(NEWER), a_line(1) + framed(NEWER)], ids=["alone", "behind ours"])
def test_a_newer_version_is_refused_and_untouched(tmp_path: Path, data: bytes) -> None:
    """A later program's log is not appended to."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(data)
    with pytest.raises(JournalError, match="newer version"):
        a_log(tmp_path, "a")
    assert path.read_bytes() == data


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    """A line never lands in a file that somebody else points at; the link is put aside."""
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    assert ids(a_log(tmp_path, "a")) == ["a"]
    assert not (tmp_path / "elsewhere").exists()
    [kept] = tmp_path.glob("quarantine/*.bad")
    assert kept.readlink() == tmp_path / "elsewhere"


FULL = """
import sys, pathlib, resource
from core.journal import AppendLog
from core.journal.quarantine import Quarantine
from tests.fakes import FakeClock
path = pathlib.Path(sys.argv[1])
log = AppendLog(path, Quarantine(path.parent / "quarantine", path.name), FakeClock())
log.append("a", b"1")
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        log.append("b", b"1")
    except OSError as error:
        print(error.strerror)
print(path.read_bytes().count(b"\\n"), path.read_bytes()[-1:])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append("c", b"1")
"""


def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    """The half-written line is cut off again; with room the log goes on without a gap."""
    path = tmp_path / "audit.jsonl"
    assert output(child(FULL, str(path))).splitlines() == ["File too large", "File too large", "1 b'\\n'"]
    assert [(line["n"], line["id"]) for line in lines(path)] == [(1, "a"), (2, "c")]


def test_a_log_is_only_ever_added_to(tmp_path: Path) -> None:
    """The same file, and what stood in it stands in front of what comes."""
    path = a_log(tmp_path, "a")
    before, inode = path.read_bytes(), path.stat().st_ino
    a_log(tmp_path, "b")
    assert path.read_bytes().startswith(before)
    assert (path.stat().st_ino, ids(path)) == (inode, ["a", "b"])
