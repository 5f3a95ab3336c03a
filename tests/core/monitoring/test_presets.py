"""What a cabinet is judged by: its own keys, else its preset's, else the defaults."""

import re

import pytest

from core.monitoring.presets import BUDGET_MIN, PRESETS, Medium, terms_of
from core.settings import Cabinet, Limits


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_has_a_high_limit_above_its_low_one(name: str) -> None:
    limits = PRESETS[name].limits
    assert limits.high is not None
    assert limits.low is None or limits.low < limits.high
    assert limits.warn_high is None or limits.warn_high < limits.high


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_names_its_basis_and_waits_before_it_alarms(name: str) -> None:
    assert PRESETS[name].basis.strip() == PRESETS[name].basis != ""
    assert 900 <= PRESETS[name].alarm_delay_s <= 3600


@pytest.mark.parametrize(
    ("name", "low", "high", "delay_min"),
    [
        ("iso_m1", -1, 5, 30),
        ("iso_h1", 1, 10, 30),
        ("iso_l1", -30, -15, 30),
        ("cn_chilled_2018", 0, 8, 30),
        ("us_cold", None, 5, 60),
        ("eu_mince", -1, 2, 20),
        ("ice_cream", None, -18, 20),
    ],
)
def test_presets_hold_what_the_study_says(name: str, low: float | None, high: float, delay_min: float) -> None:
    preset = PRESETS[name]
    assert (preset.limits.low, preset.limits.high, preset.alarm_delay_s) == (low, high, delay_min * 60)


@pytest.mark.parametrize("name", ["cn_frozen_18", "qff_retail"])
def test_frozen_retail_warns_at_minus_15_before_minus_12_is_critical(name: str) -> None:
    limits = terms_of(Cabinet(id="f", preset=name)).limits
    assert (limits.warn_high, limits.high) == (-15, -12)


def test_without_preset_and_keys_the_defaults_hold() -> None:
    terms = terms_of(Cabinet(id="x"))
    assert terms.limits == Limits()
    assert (terms.alarm_delay_s, terms.clear_delay_s, terms.hysteresis_k) == (1800.0, 300.0, 0.5)


def test_a_preset_gives_limits_and_delay() -> None:
    terms = terms_of(Cabinet(id="x", preset="us_cold"))
    assert (terms.limits.high, terms.alarm_delay_s) == (5, 3600.0)


def test_the_cabinets_own_keys_go_before_its_preset() -> None:
    own = Cabinet(id="x", preset="us_cold", limits=Limits(high=4.0), alarm_delay_s=900.0, hysteresis_k=1.0)
    terms = terms_of(own)
    assert (terms.limits.high, terms.alarm_delay_s, terms.hysteresis_k) == (4.0, 900.0, 1.0)


def test_own_limits_leave_the_presets_other_limits_standing() -> None:
    terms = terms_of(Cabinet(id="x", preset="cn_chilled_2018", limits=Limits(warn_high=6.0)))
    assert (terms.limits.low, terms.limits.warn_high, terms.limits.high) == (0, 6.0, 8)


def test_an_own_zero_is_a_value_and_not_a_missing_key() -> None:
    own = Cabinet(id="x", preset="iso_m1", limits=Limits(low=0.0), alarm_delay_s=0.0, clear_delay_s=0.0)
    terms = terms_of(own)
    assert (terms.limits.low, terms.alarm_delay_s, terms.clear_delay_s) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("alarm_s", "own_s", "clear_s"),
    [(1800.0, None, 300.0), (120.0, None, 120.0), (0.0, None, 0.0), (300.0, None, 300.0), (60.0, 900.0, 900.0)],
)
def test_the_clear_delay_is_its_own_or_at_most_the_alarm_delay(
    alarm_s: float, own_s: float | None, clear_s: float
) -> None:
    assert terms_of(Cabinet(id="x", alarm_delay_s=alarm_s, clear_delay_s=own_s)).clear_delay_s == clear_s


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_names_the_year_of_its_edition(name: str) -> None:
    """A text that is revised has other limits."""
    assert re.fullmatch(r"(19|20)\d\d", PRESETS[name].edition)


@pytest.mark.parametrize(
    ("name", "basis", "edition", "medium"),
    [
        ("iso_m1", "EN ISO 23953-2", "2023", Medium.PRODUCT),
        ("iso_l1", "controller practice", "2023", Medium.PRODUCT),
        ("cn_chilled_2018", "餐饮服务食品安全操作规范", "2018", Medium.AIR),
        ("cn_frozen_18", "retail target -18", "2018", Medium.AIR),
        ("us_cold", "Food Code", "2022", Medium.PRODUCT),
        ("eu_fish", "853/2004", "2004", Medium.PRODUCT),
    ],
)
def test_a_preset_says_which_text_it_follows_and_what_that_measures(
    name: str, basis: str, edition: str, medium: Medium
) -> None:
    preset = PRESETS[name]
    assert basis in preset.basis
    assert (preset.edition, preset.medium) == (edition, medium)


def test_a_year_in_a_presets_name_is_that_of_its_edition() -> None:
    dated = {name: name[-4:] for name in PRESETS if re.search(r"_20\d\d$", name)}
    assert dated
    assert dated == {name: PRESETS[name].edition for name in dated}


@pytest.mark.parametrize(
    ("preset", "budget_min", "budget_s"),
    [
        ("iso_m1", None, BUDGET_MIN * 60),
        ("us_cold", None, 14_400.0),
        ("us_cold", 60.0, 3600.0),
        ("us_cold", 0.0, None),
        (None, None, None),
        (None, 30.0, 1800.0),
    ],
)
def test_a_preset_has_a_budget_of_four_hours_a_day_unless_the_cabinet_says_otherwise(
    preset: str | None, budget_min: float | None, budget_s: float | None
) -> None:
    assert terms_of(Cabinet(id="x", preset=preset, budget_min=budget_min)).budget_s == budget_s
