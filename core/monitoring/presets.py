"""Cabinet classes and legal limits to start from, each with its basis and edition. Data only.

A preset is a proposal: it says which text its limits come from, never that following it satisfies a law. All limits are
compared with what the sensor gives, in most cabinets the air, although most texts speak of the product.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from core.settings import Cabinet, Limits


class Medium(StrEnum):
    """What the text behind a preset measures. The probe of a cabinet is in its air, which is warmer or colder."""

    AIR = "air"
    PRODUCT = "product"


class Preset(Struct, frozen=True, kw_only=True):
    """Limits in °C, the alarm delay in seconds, the text that the limits come from, its edition, and what that measures."""

    limits: Limits
    alarm_delay_s: float
    basis: str
    edition: str
    medium: Medium


class Text(Struct, frozen=True):
    """A standard, law or guide."""

    basis: str
    edition: str
    medium: Medium = Medium.PRODUCT


def _preset(low: float | None, high: float, delay_min: float, text: Text, warn_high: float | None = None) -> Preset:
    limits = Limits(low=low, high=high, warn_high=warn_high)
    return Preset(
        limits=limits, alarm_delay_s=delay_min * 60, basis=text.basis, edition=text.edition, medium=text.medium
    )


_ISO: Final = Text("EN ISO 23953-2, M-package class", "2023")
_ISO_FROZEN: Final = Text(_ISO.basis + "; low limit: controller practice", _ISO.edition)
_CN: Final = Text("餐饮服务食品安全操作规范", "2018", Medium.AIR)
_EU: Final = Text("Regulation (EC) 853/2004, annex III", "2004")

PRESETS: Final[dict[str, Preset]] = {
    "iso_m0": _preset(-1, 4, 30, _ISO),
    "iso_m1": _preset(-1, 5, 30, _ISO),
    "iso_m2": _preset(-1, 7, 30, _ISO),
    "iso_h1": _preset(1, 10, 30, _ISO),
    "iso_h2": _preset(-1, 10, 30, _ISO),
    "iso_l1": _preset(-30, -15, 30, _ISO_FROZEN),
    "iso_l2": _preset(-30, -12, 30, _ISO_FROZEN),
    "iso_l3": _preset(-30, -12, 30, _ISO_FROZEN),
    "cn_chilled_2018": _preset(0, 8, 30, _CN),
    "cn_frozen_2018": _preset(None, -12, 30, _CN),
    "cn_frozen_18": _preset(
        None, -12, 30, Text(_CN.basis + "; retail target -18 °C", _CN.edition, _CN.medium), warn_high=-15
    ),
    "us_cold": _preset(None, 5, 60, Text("FDA Food Code 3-501.16", "2022")),
    "uk_chill": _preset(None, 8, 30, Text("Food Hygiene Regulations, schedule 4", "2006")),
    "qff_retail": _preset(None, -12, 30, Text("Quick-frozen Foodstuffs Regulations", "2007"), warn_high=-15),
    "eu_mince": _preset(-1, 2, 20, _EU),
    "eu_poultry": _preset(-1, 4, 20, _EU),
    "eu_fish": _preset(-1, 2, 20, _EU),
    "ice_cream": _preset(None, -18, 20, Text("French retail order for ice cream; scope of ISO 22043", "2009")),
}


class Terms(Struct, frozen=True, kw_only=True):
    """What a cabinet is judged by, once its preset and its own keys are laid together."""

    limits: Limits
    alarm_delay_s: float
    clear_delay_s: float
    hysteresis_k: float
    reopen_window_s: float
    budget_s: float | None


DEFAULT_ALARM_DELAY_S: Final = 1800.0
LONGEST_CLEAR_DELAY_S: Final = 300.0
BUDGET_MIN: Final = 240.0  # FDA Food Code 3-501.19: four hours without cooling, then discard


def terms_of(cabinet: Cabinet) -> Terms:
    """The cabinet's own keys, else its preset's, else the defaults: 30 min to alarm (Danfoss A03), and to clear
    min(300 s, alarm delay).
    """
    preset = PRESETS.get(cabinet.preset or "")
    limits = preset.limits if preset else Limits()
    if cabinet.limits is not None:
        own = {name: value for name, value in structs.asdict(cabinet.limits).items() if value is not None}
        limits = structs.replace(limits, **own)
    alarm = cabinet.alarm_delay_s
    if alarm is None:
        alarm = preset.alarm_delay_s if preset else DEFAULT_ALARM_DELAY_S
    clear = cabinet.clear_delay_s
    budget_min = cabinet.budget_min
    if budget_min is None and preset is not None:
        budget_min = BUDGET_MIN
    return Terms(
        limits=limits,
        alarm_delay_s=alarm,
        clear_delay_s=min(LONGEST_CLEAR_DELAY_S, alarm) if clear is None else clear,
        hysteresis_k=cabinet.hysteresis_k,
        reopen_window_s=cabinet.reopen_window_s,
        budget_s=budget_min * 60 if budget_min else None,
    )
