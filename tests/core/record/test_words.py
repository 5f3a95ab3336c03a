"""The record speaks of cases as the console does."""

import tomllib
from pathlib import Path

import pytest

from core.events import Severity
from core.monitoring.cases import Condition, Handling, Kind
from core.record.words import worded
from core.samples import Quantity

ZH = tomllib.loads((Path(__file__).parents[3] / "cdg_tui" / "zh.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("kind", Kind),
        ("severity", Severity),
        ("condition", Condition),
        ("handling", Handling),
        ("quantity", Quantity),
    ],
)
def test_each_code_has_the_consoles_word_before_it(group: str, codes: type[Kind]) -> None:
    assert [worded(code) for code in codes] == [f"{ZH[group][code]} {code}" for code in codes]


def test_a_case_closed_by_force_says_so_and_an_unknown_code_stands_for_itself() -> None:
    assert worded("forced: false_alarm") == "强制关闭（误报） forced: false_alarm"
    assert worded("of a later version") == "of a later version"
