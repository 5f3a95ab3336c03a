"""The record as JSON for programs:

    {"made":{…},"record":
    {…}
    ,"sha256":"…"}

The hash is over the bytes of all lines but the first and the last, so that any tool can cut them out:
`tail -n +2 FILE | head -n -1 | sha256sum`. `made` is not among them: the same facts have the same hash whenever they are exported.
"""

import hashlib
from collections.abc import Iterator

import msgspec

from core.monitoring.in_force import SensorTerms
from core.record import minutes
from core.record.facts import Facts, Made
from core.record.gathering import Source
from core.record.local_time import suffix


def pieces(source: Source, facts: Facts, made: Made) -> Iterator[bytes]:
    """The whole file, some lines at a time."""
    digest = hashlib.sha256()
    yield b'{"made":%s,"record":\n' % msgspec.json.encode(made)
    for piece in _record(source, facts):
        digest.update(piece)
        yield piece
    yield b',"sha256":"%s"}\n' % digest.hexdigest().encode()


def sha256_of(source: Source, facts: Facts) -> str:
    """What `pieces` will say, without keeping any of it."""
    digest = hashlib.sha256()
    for piece in _record(source, facts):
        digest.update(piece)
    return digest.hexdigest()


def _record(source: Source, facts: Facts) -> Iterator[bytes]:
    yield msgspec.json.encode(facts).removesuffix(b"}") + b',\n"minutes":['
    between = b"\n"
    for place in source.places:
        where = {"cabinet": place.cabinet, "sensor": place.sensor}
        yield between + msgspec.json.encode(where).removesuffix(b"}") + b',"minutes":['
        between, comma = b",\n", "\n"
        for piece in source.pieces(place):
            before = suffix(piece.offset_ms) + '",'
            if found := minutes.lines(source.db, piece, "json", before, _after(source.held(piece.span))):
                yield (comma + found).encode()
                comma = ",\n"
        yield b"]}"
    yield b"]}\n"


def _after(held: SensorTerms | None) -> str:
    """The limits in force at that minute; null where nobody knows them."""
    names = ("low", "high", "warn_low", "warn_high")
    limits = None if held is None else {name: getattr(held, name) for name in names}
    return ',"limits":' + msgspec.json.encode(limits).decode() + "}"
