"""The record as a CSV for people's spreadsheets: sections, each with a heading row, the minutes last, then the hash.

The last line is `sha256,<hex>` over all bytes before it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from core.monitoring.in_force import SensorTerms
from core.record import minutes
from core.record.cells import BOM, Cell, line
from core.record.facts import CaseFacts, Facts, Made, Period, SensorFacts
from core.record.gathering import Place, Source
from core.record.words import SIMULATED, UNKNOWN, YES, worded

_WHERE: Final = ("冷柜 cabinet", "店内名 name", "传感器 sensor")
_LIMITS: Final = ("下限 low", "上限 high", "预警下限 warn low", "预警上限 warn high")
_PERIODS: Final = (
    *_WHERE,
    "测量 quantity",
    "单位 unit",
    "起(当地) from (local)",
    "止(当地) to (local)",
    *_LIMITS,
    "校准偏移 offset",
    "校准日期 calibrated on",
    "校准人 calibrated by",
    "校准到期 calibration due",
    "温区预设 preset",
    "模拟 simulated",
)
_STATISTICS: Final = (
    *_WHERE,
    "有效分钟 known minutes",
    "缺测分钟 gap minutes",
    "缺测次数 gaps",
    "可判分钟 judged minutes",
    "达标分钟 in limit",
    "达标率% in limit %",
    "最低 min",
    "平均 mean",
    "最高 max",
    "超上限次数 excursions",
    "最长超上限分钟 longest excursion",
)
_GAPS: Final = (*_WHERE, "起(当地) from (local)", "止(当地) to (local)", "起 from UTC", "止 to UTC", "分钟 minutes")
_DAYS: Final = (
    *_WHERE,
    "日期 day",
    "有效分钟 known minutes",
    "可判分钟 judged minutes",
    "达标分钟 in limit",
    "最低 min",
    "平均 mean",
    "最高 max",
)
_CASES: Final = (
    "编号 case",
    *_WHERE,
    "报警 kind",
    "级别 severity",
    "状态 condition",
    "处理 handling",
    "开始 started UTC",
    "报警 opened UTC",
    "恢复 cleared UTC",
    "关闭 closed UTC",
    "开始(当地) started (local)",
    "报警(当地) opened (local)",
    "恢复(当地) cleared (local)",
    "关闭(当地) closed (local)",
    "限值 limit",
    "极值 peak",
    "单位 unit",
    "持续分钟 minutes",
    "处置措施 action",
    "货品处理 disposition",
    "备注 note",
    "签字 signed by",
    "关闭原因 closed because",
    "再次触发 reopened",
    "升级 escalations",
    "模拟 simulated",
)
_STEPS: Final = (
    "编号 case",
    *_WHERE,
    "当地时间 local time",
    "时间 time UTC",
    "人员 who",
    "事项 what",
    "处置措施 action",
    "货品处理 disposition",
    "备注 note",
    "关闭原因 closed because",
)
_MINUTES: Final = (
    *_WHERE,
    "当地时间 local time",
    "时间 time UTC",
    "最低 min",
    "平均 mean",
    "最高 max",
    "采样数 samples",
    "质量 quality",
    *_LIMITS,
)


def pieces(source: Source, facts: Facts, made: Made) -> Iterator[bytes]:
    """The whole file, some lines at a time."""
    digest = hashlib.sha256()
    for text in _texts(source, facts, made):
        piece = text.encode()
        digest.update(piece)
        yield piece
    yield f"sha256,{digest.hexdigest()}\r\n".encode()


def _texts(source: Source, facts: Facts, made: Made) -> Iterator[str]:
    yield BOM + _lines(_header(facts, made))
    yield _section("传感器与限值 sensors and limits", _PERIODS, _periods(facts))
    yield _section("统计 statistics", _STATISTICS, (_statistics(one) for one in facts.sensors))
    yield _section("缺测 gaps", _GAPS, _gaps(facts))
    yield _section("按日 days", _DAYS, _days(facts))
    yield _section("报警事件 cases", _CASES, (_case(one) for one in facts.cases))
    yield _section("处置经过 steps", _STEPS, _steps(facts))
    yield _section("分钟记录 minutes", _MINUTES, ())
    for place in source.places:
        for piece in source.pieces(place):
            held = source.held(piece.span)
            yield minutes.lines(source.db, piece, "csv", _before(place), _after(held))


def _lines(rows: Iterable[Iterable[Cell]]) -> str:
    return "".join(map(line, rows))


def _section(name: str, head: Iterable[str], rows: Iterable[Iterable[Cell]]) -> str:
    return _lines([[], [name], head, *rows])


def _header(facts: Facts, made: Made) -> Iterator[tuple[Cell, ...]]:
    clock = made.clock_synchronised
    yield ("冷柜温度记录 cold display record", facts.format)
    if facts.simulated:
        yield ("注意 note", SIMULATED)
    yield ("设备 device", facts.device or UNKNOWN)
    yield ("门店 site", facts.site or UNKNOWN)
    yield ("店名 site name", facts.site_name)
    yield ("时区 time zone", facts.timezone)
    yield ("冷柜 cabinets", "、".join(facts.cabinets) if facts.cabinets else "全部 all")
    yield ("起 since UTC", facts.since or "最早 first")
    yield ("止 until UTC", facts.until or "最新 last")
    yield ("导出时间 made at UTC", made.at)
    yield ("程序版本 version", made.version)
    yield ("时钟已校准 clock synchronised", UNKNOWN if clock is None else "是 yes" if clock else "否 no")
    if facts.damaged_case_lines:
        yield ("损坏的事件行 damaged case lines", facts.damaged_case_lines)


def _where(one: SensorFacts) -> tuple[Cell, ...]:
    return (UNKNOWN if one.cabinet is None else one.cabinet, one.cabinet_name, one.sensor)


def _periods(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    for one in facts.sensors:
        for period in one.periods:
            what = (worded(one.quantity) or UNKNOWN, one.unit)
            yield (*_where(one), *what, period.since_local, period.until_local, *_terms(period))


def _terms(period: Period) -> tuple[Cell, ...]:
    if not period.known:
        return (UNKNOWN,) * 10
    return (
        period.low,
        period.high,
        period.warn_low,
        period.warn_high,
        period.offset,
        period.calibrated_on,
        period.calibrated_by,
        period.calibration_due,
        period.preset,
        YES if period.simulated else None,
    )


def _statistics(one: SensorFacts) -> tuple[Cell, ...]:
    found = one.statistics
    return (
        *_where(one),
        found.known_min,
        found.gap_min,
        found.gaps,
        found.judged_min,
        found.in_limit_min,
        found.in_limit_pct,
        found.min,
        found.mean,
        found.max,
        found.excursions,
        found.longest_excursion_min,
    )


def _gaps(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    for one in facts.sensors:
        for gap in one.gaps:
            yield (*_where(one), gap.since_local, gap.until_local, gap.since, gap.until, gap.minutes)
        if more := one.statistics.gaps - len(one.gaps):
            yield (*_where(one), f"另有 {more} 处 more gaps", None, None, None, None)


def _days(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    for one in facts.sensors:
        for day in one.days:
            counts = (day.known_min, day.judged_min, day.in_limit_min)
            yield (*_where(one), day.day, *counts, day.min, day.mean, day.max)


def _case(case: CaseFacts) -> tuple[Cell, ...]:
    return (
        case.case_id,
        case.cabinet,
        case.cabinet_name,
        case.sensor,
        worded(case.kind),
        worded(case.severity),
        worded(case.condition),
        worded(case.handling),
        case.started_at,
        case.opened_at,
        case.cleared_at,
        case.closed_at,
        case.started_local,
        case.opened_local,
        case.cleared_local,
        case.closed_local,
        case.limit,
        case.peak,
        case.unit,
        case.duration_min,
        case.action,
        case.disposition,
        case.note,
        case.signed_by,
        worded(case.closed_because),
        case.reopened,
        case.escalations,
        YES if case.simulated else None,
    )


def _steps(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    for case in facts.cases:
        where = (case.case_id, case.cabinet, case.cabinet_name, case.sensor)
        for one in case.steps:
            said = (one.action, one.disposition, one.note, worded(one.reason))
            yield (*where, one.at_local, one.at, one.actor, worded(one.what), *said)


def _before(place: Place) -> str:
    name = place.latest.cabinet_name if place.latest else None
    cells = (UNKNOWN if place.cabinet is None else place.cabinet, name, place.sensor)
    return line((*cells, None)).removesuffix("\r\n")


def _after(held: SensorTerms | None) -> str:
    limits: tuple[Cell, ...] = (UNKNOWN,) * 4
    if held is not None:
        limits = (held.low, held.high, held.warn_low, held.warn_high)
    return line((None, *limits))
