"""Metrics in the text format 0.0.4 of Prometheus. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Samples = Iterable[tuple[Mapping[str, str], float]]


class Family(NamedTuple):
    """One metric with its samples, each under its labels."""

    name: str
    kind: str
    meaning: str
    samples: Samples


def text(families: Iterable[Family]) -> str:
    """In the order given; no `meaning` may hold a line break or a backslash."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.meaning}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
        yield f"{family.name}{{{inner}}} {value}" if inner else f"{family.name} {value}"
