"""Real journals, and what a card, a file system or a person does to the bytes of one."""

import io
import json
import re
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from core.wire import JournalHealth
from tests.core.journal.rigs import Items, a_line, items, opened


def a_file(directory: Path, data: bytes, suffix: str = "") -> Path:
    path = directory / f"retries.jsonl{suffix}"
    path.write_bytes(data)
    return path


def health(path: Path) -> JournalHealth:
    with opened(path) as journal:
        return journal.health()


def reports(path: Path) -> list[dict[str, Any]]:
    return [json.loads(one.read_bytes()) for one in sorted((path.parent / "quarantine").glob(f"{path.name}-*.json"))]


def everything(directory: Path) -> dict[str, tuple[bytes, int, int]]:
    """Each file below with its bytes, its mode and the time of its last change."""
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else b"",
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
        )
        for path in directory.rglob("*")
    }


def framed(line: bytes) -> bytes:
    """The same line with a checksum that fits."""
    body = line.rpartition(b',"crc":"')[0]
    return b'%s,"crc":"%08x"}\n' % (body, zlib.crc32(body))


SHM = Path("/dev/shm")
SECTOR = 512
NAMES = ["a", "b", "c", "鲜奶柜", '"quoted"\n', "watch:temp_high:03.air", "d", "e"]
WORDS = ["鲜奶柜温度过高", "冷冻柜门未关", "x" * 150, "肉柜", '{"k":"del"}', "\\", "已处理：移走商品"]


# -- real journals -----------------------------------------------------------------------------------------------------


@dataclass
class Base:
    """What a few lives left in a directory, and what their owner knows of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    true: Items = field(default_factory=dict)
    written: set[tuple[str, bytes]] = field(default_factory=set)
    older: list[bytes] = field(default_factory=list)

    @property
    def active(self) -> bytes:
        return self.files["j"]


@cache
def bases() -> list[Base]:
    with tempfile.TemporaryDirectory(dir=a_quick_place()) as directory:
        return [a_base(Path(directory) / str(number), Random(number)) for number in range(16)]


def a_quick_place() -> Path | None:
    return SHM if SHM.is_dir() else None


def a_base(directory: Path, rng: Random) -> Base:
    directory.mkdir()
    path, base = directory / "j", Base()
    for _ in range(rng.randint(1, 4)):
        live(path, base, rng)
        base.older.append(path.read_bytes())
    base.files = {
        str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if not file.is_dir()
    }
    base.files.pop("reserve", None)
    return base


def live(path: Path, base: Base, rng: Random) -> None:
    """One life of the journal, ended by a close or a kill; a torn tail or a newer program's line may stay behind."""
    with opened(path) as journal:
        assert items(journal) == base.true
        for number in range(rng.randint(3, 14)):
            item = rng.choice(NAMES)
            if item in base.true and rng.random() < 0.3:
                journal.delete(item)
                del base.true[item]
                continue
            document = json.dumps({"n": number, "柜": rng.choices(WORDS, k=2)}, ensure_ascii=False).encode()
            journal.put(item, document)
            base.true[item] = document
            base.written.add((item, document))
        journal.wait(journal.seq)
        killed, last = path.read_bytes(), journal.seq
    end = rng.choice(["close", "kill", "newer kind", "torn"])
    if end != "close":
        tail = {"newer kind": a_line(last + 1, "note", "later", '{"注":1}'.encode()), "torn": b'{"v":1,"n'}
        path.write_bytes(killed + tail.get(end, b""))
    path.write_bytes(without_chance(path.read_bytes()))


def without_chance(data: bytes) -> bytes:
    """The same journal with an epoch that is the same in every run, so that a seed says everything."""
    head, lf, rest = data.partition(b"\n")
    body = re.sub(rb'"epoch":"\w+"', b'"epoch":"00000000"', head).rpartition(b',"crc":"')[0]
    return b'%s,"crc":"%08x"}%s%s' % (body, zlib.crc32(body), lf, rest)


# -- damage ------------------------------------------------------------------------------------------------------------


def lines_of(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()


Damage = Callable[[bytes, Base, Random], bytes]


def flip(data: bytes, base: Base, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def zero(data: bytes, base: Base, rng: Random) -> bytes:
    start = rng.randrange(len(data))
    length = min(rng.choice([1, 7, 100, SECTOR, 4096]), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def cut(data: bytes, base: Base, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def cut_in_a_character(data: bytes, base: Base, rng: Random) -> bytes:
    middles = [at for at, byte in enumerate(data) if byte & 0xC0 == 0x80]
    return data[: rng.choice(middles)] if middles else cut(data, base, rng)


def cut_at_a_line_end(data: bytes, base: Base, rng: Random) -> bytes:
    whole = lines_of(data)
    return b"".join(whole[: rng.randrange(len(whole))])


def double(data: bytes, base: Base, rng: Random) -> bytes:
    whole = lines_of(data)
    whole.insert(rng.randrange(len(whole) + 1), rng.choice(whole))
    return b"".join(whole)


def swap(data: bytes, base: Base, rng: Random) -> bytes:
    whole = lines_of(data)
    one, other = rng.randrange(len(whole)), rng.randrange(len(whole))
    whole[one], whole[other] = whole[other], whole[one]
    return b"".join(whole)


def drop(data: bytes, base: Base, rng: Random) -> bytes:
    whole = lines_of(data)
    del whole[rng.randrange(len(whole))]
    return b"".join(whole)


def swap_sectors(data: bytes, base: Base, rng: Random) -> bytes:
    sectors = [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]
    one, other = rng.randrange(len(sectors)), rng.randrange(len(sectors))
    sectors[one], sectors[other] = sectors[other], sectors[one]
    return b"".join(sectors)


def put_in(data: bytes, base: Base, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    garbage = rng.choice([b"\n", b"\0\n", b"{}\n", "乱码".encode(), rng.randbytes(40), a_line(10**6)[:-5] + b"\n"])
    return data[:at] + garbage + data[at:]


def put_in_old(data: bytes, base: Base, rng: Random) -> bytes:
    """Lines of an earlier generation stand in the place of, or among, those of this one."""
    old, whole = lines_of(rng.choice(base.older)), lines_of(data)
    start, length, at = rng.randrange(len(old)), rng.randint(1, 3), rng.randrange(len(whole) + 1)
    whole[at : at + rng.choice([0, length])] = old[start : start + length]
    return b"".join(whole)


def show_old(data: bytes, base: Base, rng: Random) -> bytes:
    """A block that the card never wrote shows what stood there before."""
    old, start = rng.choice(base.older), rng.randrange(0, len(data), SECTOR)
    return data[:start] + old[start : start + SECTOR] + data[start + SECTOR :]


def empty(data: bytes, base: Base, rng: Random) -> bytes:
    return b""


KINDS: list[Damage] = [
    *(flip, zero, cut, cut_in_a_character, cut_at_a_line_end, double, swap, drop, swap_sectors, put_in),
    *(put_in_old, show_old, empty),
]


def harmed(base: Base, rng: Random) -> tuple[dict[str, bytes], list[str]]:
    """The files of the base after one to three accidents, and what these were."""
    files = dict(base.files)
    told: list[str] = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = "j.prev" if "j.prev" in files and rng.random() < 0.05 else "j"
        if name == "j" and len(files) > 1 and rng.random() < 0.03:
            del files["j"]
            return files, [*told, "removed"]
        if files[name]:
            kind = rng.choice(KINDS)
            files[name] = kind(files[name], base, rng)
            told.append(f"{kind.__name__} {name}")
    return files, told
