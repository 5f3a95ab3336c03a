"""Real journals with random damage: opening never fails, never accepts damage in silence, and keeps every byte.

The oracle reads files by itself, with `json` and `zlib`; the journal is opened as the core opens it.
"""

import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from core.wire import Durability, JournalHealth
from tests.core.journal.damage import Base, a_quick_place, bases, harmed, lines_of
from tests.core.journal.rigs import Items, items, opened, quarantined

CHUNKS, SEEDS = 20, 1000
TORTURE_CHUNKS, TORTURE_SEEDS = 24, 5000


def number_of(line: bytes) -> int | None:
    """The number of a whole line, None for damage."""
    body, mark, rest = line.rstrip(b"\n").rpartition(b',"crc":"')
    if not mark or rest != b'%08x"}' % zlib.crc32(body) or not body.startswith(b'{"v":1,'):
        return None
    return int(json.loads(line)["n"])


def whole(data: bytes) -> dict[bytes, int]:
    """Undamaged lines and their numbers."""
    return {line: n for line in data.split(b"\n") if (n := number_of(line)) is not None}


def newest_of(data: bytes) -> dict[str, bytes]:
    """The last line about each item."""
    return {
        told["id"]: line
        for line in data.split(b"\n")
        if number_of(line) is not None and (told := json.loads(line))["k"] in {"put", "del"}
    }


def passes_for_older(present: bytes, base: Base) -> bool:
    """Whether the file ends where it once ended: such a cut can be seen by nobody who has only the file."""
    return any(
        one.startswith(present) and (one[len(present) :][:1] in {b"", b"\n"} or present.endswith(b"\n"))
        for one in [base.active, *base.older]
    )


def unkept(data: bytes) -> Iterator[bytes]:
    """What of a file no sound one may carry on: its end if only that is bad, all of it where good lines stand wrong."""
    lines = lines_of(data)
    found = [number_of(line) for line in lines]
    good = [n for n in found if n is not None]
    end = max((at + 1 for at, n in enumerate(found) if n is not None), default=0)
    if None in found[:end] or good != sorted(set(good)) or (found and not good):
        yield data
    elif end < len(lines):
        yield b"".join(lines[end:])


def check(path: Path, base: Base, files: dict[str, bytes]) -> None:
    present = files.get("j")
    with opened(path) as journal:
        found, told = items(journal), journal.health()
    assert told.state is Durability.DURABLE, told.reason
    assert_nothing_silent(path, found, told, present, base)
    survived = whole(present or b"")
    if (present is None or not passes_for_older(present, base)) and files.get("j.prev") == base.files.get("j.prev"):
        survived |= whole(files.get("j.prev", b""))
    for item, line in newest_of(base.active).items():
        if line in survived:
            assert found.get(item) == base.true.get(item), f"the newest line of {item!r} is there"
    assert set(found.items()) <= base.written, "an item that nobody wrote"
    kept = quarantined(path)
    for bad in unkept(present or b""):
        assert any(bad in piece for piece in kept), f"{bad!r} is nowhere"
    carried = whole(path.read_bytes())
    for line in whole(present or b""):
        assert b'"k":"note"' not in line or line in carried or any(line in piece for piece in kept)
    with opened(path) as journal:
        again = journal.health()
        assert items(journal) == found
    assert troubles(again) == troubles(told)
    assert (again.unclean_start, quarantined(path)) == (False, kept)


def assert_nothing_silent(path: Path, found: Items, told: JournalHealth, present: bytes | None, base: Base) -> None:
    before = json.loads(base.active.partition(b"\n")[0])["d"]
    was = (before["torn_tails"], before["damaged_lines"], before["lost_numbers"])
    reported = told.degraded and (troubles(told) > was or reports(path) > sum("json" in name for name in base.files))
    if present is not None and passes_for_older(present, base):
        ended_cleanly = b'"k":"bye"' in lines_of(present)[-1]
        assert reported or told.unclean_start or found == base.true or ended_cleanly, "a cut in silence"
    else:
        assert reported, "damage in silence"


def reports(path: Path) -> int:
    return len(list(path.parent.glob("quarantine/*.json")))


def troubles(told: JournalHealth) -> tuple[int, int, int]:
    return (told.torn_tails, told.damaged_lines, told.lost_numbers)


def run(seeds: range) -> None:
    with tempfile.TemporaryDirectory(dir=a_quick_place()) as room:
        for seed in seeds:
            rng = Random(seed)
            base = rng.choice(bases())
            files, told = harmed(base, rng)
            path = Path(room) / "d" / "j"
            (path.parent / "quarantine").mkdir(parents=True)
            for name, data in files.items():
                (path.parent / name).write_bytes(data)
            try:
                check(path, base, files)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {', '.join(told)}: {error}") from error
            shutil.rmtree(path.parent)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_damage_is_fatal_silent_or_costs_more_than_it_hit(chunk: int) -> None:
    run(range(chunk * SEEDS, (chunk + 1) * SEEDS))


@pytest.mark.torture
@pytest.mark.parametrize("chunk", range(TORTURE_CHUNKS))
def test_no_damage_among_many_more_is(chunk: int) -> None:
    start = CHUNKS * SEEDS + chunk * TORTURE_SEEDS
    run(range(start, start + TORTURE_SEEDS))
