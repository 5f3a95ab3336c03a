"""Cabinet classes and legal limits to start from, each with its basis and edition. Data only.

A preset is a proposal: it says which text its limits come from, never that following it satisfies a law. All limits are
compared with the air temperature that the sensor gives, although several texts speak of the product.
"""

from typing import Final

from msgspec import Struct, structs

from core.settings import Cabinet, Limits


class Preset(Struct, frozen=True, kw_only=True):
    """Limits in °C, the alarm delay in seconds, and where the limits come from."""

    limits: Limits
    alarm_delay_s: float
    basis: str


def _preset(low: float | None, high: float, delay_min: float, basis: str, warn_high: float | None = None) -> Preset:
    limits = Limits(low=low, high=high, warn_high=warn_high)
    return Preset(limits=limits, alarm_delay_s=delay_min * 60, basis=basis)


_ISO: Final = "EN ISO 23953-2:2023 M-package class (product)"
_CN: Final = "餐饮服务食品安全操作规范 2018"
_EU: Final = "Regulation (EC) 853/2004 (product)"

PRESETS: Final[dict[str, Preset]] = {
    "iso_m0": _preset(-1, 4, 30, _ISO),
    "iso_m1": _preset(-1, 5, 30, _ISO),
    "iso_m2": _preset(-1, 7, 30, _ISO),
    "iso_h1": _preset(1, 10, 30, _ISO),
    "iso_h2": _preset(-1, 10, 30, _ISO),
    "iso_l1": _preset(-30, -15, 30, _ISO + "; low limit: controller practice"),
    "iso_l2": _preset(-30, -12, 30, _ISO + "; low limit: controller practice"),
    "iso_l3": _preset(-30, -12, 30, _ISO + "; low limit: controller practice"),
    "cn_chilled_2018": _preset(0, 8, 30, _CN),
    "cn_frozen_2018": _preset(None, -12, 30, _CN),
    "cn_frozen_18": _preset(None, -12, 30, _CN + "; retail target -18 °C", warn_high=-15),
    "us_cold": _preset(None, 5, 60, "FDA Food Code 3-501.16"),
    "uk_chill": _preset(None, 8, 30, "Food Hygiene Regulations 2006, schedule 4"),
    "qff_retail": _preset(None, -12, 30, "Quick-frozen Foodstuffs Regulations 2007", warn_high=-15),
    "eu_mince": _preset(-1, 2, 20, _EU),
    "eu_poultry": _preset(-1, 4, 20, _EU),
    "eu_fish": _preset(-1, 2, 20, _EU),
    "ice_cream": _preset(None, -18, 20, "national retail practice; ISO 22043 scope"),
}


class Terms(Struct, frozen=True, kw_only=True):
    """What a cabinet is judged by, once its preset and its own keys are laid together."""

    limits: Limits
    alarm_delay_s: float
    clear_delay_s: float
    hysteresis_k: float


DEFAULT_ALARM_DELAY_S: Final = 1800.0
LONGEST_CLEAR_DELAY_S: Final = 300.0


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
    return Terms(
        limits=limits,
        alarm_delay_s=alarm,
        clear_delay_s=min(LONGEST_CLEAR_DELAY_S, alarm) if clear is None else clear,
        hysteresis_k=cabinet.hysteresis_k,
    )
