"""The form of a journal line, byte by byte."""

import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal.lines import decode_line
from core.journal.scan import scan
from tests.core.journal.rigs import a_generation, a_journal, a_line, opened, put

LF = b"\n"


def test_a_line_carries_its_members_in_the_fixed_order(tmp_path: Path) -> None:
    """`v n t k id d crc`, whatever wrote the line: head, put, del or bye."""
    path = a_journal(tmp_path, "a", "b")
    with opened(path) as journal:
        journal.wait(journal.delete("a"))
    written = path.read_bytes().splitlines()
    assert {json.loads(line)["k"] for line in written} == {"head", "put", "del", "bye"}
    for line in written:
        assert list(json.loads(line)) == ["v", "n", "t", "k", "id", "d", "crc"]


def test_the_checksum_covers_the_bytes_before_it(tmp_path: Path) -> None:
    """`crc` is zlib's CRC-32 of everything before `,"crc":"`, as eight hexadecimal digits."""
    for line in a_journal(tmp_path, "a", "鲜奶柜").read_bytes().splitlines():
        body, _, rest = line.rpartition(b',"crc":"')
        assert rest == b'%08x"}' % zlib.crc32(body)


def test_times_are_utc_with_z(tmp_path: Path) -> None:
    """Every `t` is ISO 8601 with milliseconds and Z."""
    for line in a_journal(tmp_path, "a").read_bytes().splitlines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", json.loads(line)["t"])


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is missing")
def test_jq_reads_every_line(tmp_path: Path) -> None:
    """People read the file with jq: ids with control characters and Chinese documents included."""
    path = tmp_path / "retries.jsonl"
    with opened(path) as journal:
        put(journal, 'a"\n\x01\u2028', '{"柜": "鲜奶", "x": [1.5, null, "\\n"]}'.encode())
        journal.wait(journal.delete('a"\n\x01\u2028'))
    read = subprocess.run(["jq", "-c", "."], input=path.read_bytes(), capture_output=True, check=True)
    assert len(read.stdout.splitlines()) == len(path.read_bytes().splitlines()) == 4


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_any_bytes_but_a_whole_line_are_no_line(raw: bytes) -> None:
    """Foreign bytes are told from a line without an exception."""
    assert decode_line(raw) is None


@given(st.integers(0, 2**62), st.text(st.characters(codec="utf-8")), st.data())
def test_a_flipped_bit_is_never_a_line(n: int, item_id: str, data: st.DataObject) -> None:
    """Whichever single bit flips, the line counts as damaged."""
    whole = bytearray(a_line(n, item_id=item_id)[:-1])
    assert decode_line(bytes(whole)) is not None
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    assert decode_line(bytes(whole)) is None


def test_a_number_that_does_not_rise_is_damage() -> None:
    """A stale or doubled line is counted and not applied."""
    head_and_a = a_generation("a")
    found = scan([*head_and_a.splitlines(keepends=True), a_line(1, item_id="a", document=b'"stale"')])
    assert found.damaged == 1
    assert found.live == {"a": (1, a_line(1, item_id="a", document=b'"a"'))}


def test_missing_numbers_are_counted() -> None:
    """Two numbers that no good line carries are two lost changes."""
    found = scan([*a_generation("a").splitlines(keepends=True), a_line(2), a_line(5)])
    assert found.gap == 2


def test_numbers_that_a_rewrite_left_out_are_not_missing() -> None:
    """Among the lines that the head announces numbers skip, for only the newest change of an item is kept."""
    old = a_generation("a", first_n=3)
    found = scan([*old.replace(b'"upto":3', b'"upto":9').splitlines(keepends=True)])
    assert found.gap == 0


def test_a_flipped_version_digit_is_damage_not_a_newer_version() -> None:
    """One flipped bit in our own line can't make the file count as a later program's."""
    raw = a_line(1).replace(b'{"v":1,', b'{"v":3,')
    assert scan([raw]).newer is None
    assert scan([*a_generation("a").splitlines(keepends=True), raw]).newer is None


def test_a_head_that_says_something_else_announces_nothing() -> None:
    """An undamaged head without our members leaves the file readable, but not complete."""
    found = scan([a_line(0, "head", "", b'{"gen":"x"}'), a_line(1, item_id="a")])
    assert found.head is None
    assert not found.complete
    assert list(found.live) == ["a"]


def test_later_lines_do_not_stand_in_for_a_lost_item_of_the_head() -> None:
    """A generation that lost one of its announced items stays incomplete, however much is appended."""
    head, _, b = a_generation("a", "b").splitlines(keepends=True)
    found = scan([head, b, a_line(3), a_line(4), a_line(5)])
    assert not found.complete
