"""The record as a PDF for people to sign: no single minutes, but each day's lowest, mean and highest. Needs the extra `pdf`.

Made in memory and by days, so that its size hangs on the days and cases, not on the minutes. It names the hash that the JSON
record of the same facts bears.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from core.errors import RefusalError
from core.record import as_json
from core.record.facts import CaseFacts, Facts, Made, Period, SensorFacts, StepFacts
from core.record.gathering import Source
from core.record.words import SIMULATED, UNKNOWN, worded

# Where Debian's fonts-wqy-microhei and fonts-wqy-zenhei are. fonts-droid-fallback has Chinese, but neither letters nor digits.
_FONTS: Final = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
)
_BEGINNINGS: Final = (b"\x00\x01\x00\x00", b"OTTO", b"ttcf", b"true")
_MUST_HAVE: Final = "Aa0-:°柜限签"
_FONT: Final = "record"
_WIDTH: Final = 190.0  # of a page's lines, in mm
_LINE: Final = 5.0
_FONT_SIZE: Final = 9
_DAYS: Final = ("日期 day", "有效分钟", "达标分钟", "最低 min", "平均 mean", "最高 max")
_GAPS: Final = ("起 from", "止 to", "分钟 minutes")
MOST_GAPS: Final = 200  # of a sensor; all of them stand in the CSV and the JSON


class Pages:
    """Raises RefusalError 409 `pdf_unavailable` where the extra isn't installed, or no font with Chinese; or the given one is
    none.
    """

    def __init__(self, font: Path | None):
        try:
            from fpdf import FPDF
            from fpdf.errors import FPDFException
            from fpdf.fonts import TTFFont
        except ImportError as error:
            raise _unavailable("a PDF needs the extra `pdf` of the program to be installed") from error
        font = font or _installed_font()
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(auto=True, margin=15)
        try:
            self._pdf.add_font(_FONT, fname=_usable(font))
        except (OSError, FPDFException, ValueError) as error:
            raise _unavailable(f"the font {font} can't be used") from error
        embedded = self._pdf.fonts[_FONT]
        if not isinstance(embedded, TTFFont) or not embedded.cmap.keys() >= set(map(ord, _MUST_HAVE)):
            raise _unavailable(f"the font {font} lacks Chinese, or letters and digits")
        self._pdf.set_font(_FONT, size=_FONT_SIZE)
        self._pdf.add_page()

    def pieces(self, source: Source, facts: Facts, made: Made) -> Iterator[bytes]:
        """The whole file, in one."""
        self._pdf.set_creation_date(datetime.fromisoformat(made.at))
        self._header(facts, made)
        for one in facts.sensors:
            self._sensor(one)
        self._title("报警事件 cases")
        for case in facts.cases:
            self._case(case)
        if not facts.cases:
            self._text("无 none")
        self._signature(as_json.sha256_of(source, facts))
        yield bytes(self._pdf.output())

    def _header(self, facts: Facts, made: Made) -> None:
        self._title("冷柜温度记录 cold display record", size=15)
        if facts.simulated:
            self._text(SIMULATED)
        clock = {None: UNKNOWN, True: "已校准 synchronised", False: "未校准 not synchronised"}[made.clock_synchronised]
        for name, value in (
            ("门店 site", f"{facts.site_name or ''} ({facts.site or UNKNOWN})"),
            ("设备 device", facts.device or UNKNOWN),
            ("冷柜 cabinets", "、".join(facts.cabinets) if facts.cabinets else "全部 all"),
            ("范围 range UTC", f"{facts.since or '最早 first'} — {facts.until or '最新 last'}"),
            ("时区 time zone", facts.timezone),
            ("导出 made at UTC", f"{made.at}, {made.version}, 时钟 clock {clock}"),
        ):
            self._text(f"{name}: {value}")
        if facts.damaged_case_lines:
            self._text(f"损坏的事件行 damaged case lines: {facts.damaged_case_lines}")

    def _sensor(self, one: SensorFacts) -> None:
        cabinet = UNKNOWN if one.cabinet is None else one.cabinet
        what = f"{worded(one.quantity) or UNKNOWN} {one.unit or ''}"
        self._title(f"{cabinet} {one.cabinet_name or ''} · {one.sensor} · {what}")
        for period in one.periods:
            self._text(f"{period.since_local} — {period.until_local}: {_terms(period)}")
        found = one.statistics
        self._text(
            f"有效 known {found.known_min} 分钟 min, 缺测 gaps {found.gaps} / {found.gap_min} 分钟 min, "
            f"达标率 in limit {_number(found.in_limit_pct)}%, 最低 min {_number(found.min)}, "
            f"平均 mean {_number(found.mean)}, 最高 max {_number(found.max)}, "
            f"超上限 excursions {found.excursions}, 最长 longest {found.longest_excursion_min} 分钟 min"
        )
        days = (
            (
                day.day,
                str(day.known_min),
                str(day.in_limit_min) if day.judged_min else "-",
                *(f"{value:.2f}" for value in (day.min, day.mean, day.max)),
            )
            for day in one.days
        )
        self._table("按日 days", _DAYS, days)
        gaps = ((gap.since_local, gap.until_local, str(gap.minutes)) for gap in one.gaps[:MOST_GAPS])
        self._table("缺测 gaps", _GAPS, gaps)
        if (more := found.gaps - MOST_GAPS) > 0:
            self._text(f"另有 {more} 处，见 CSV 或 JSON; {more} more in the CSV and the JSON")

    def _case(self, case: CaseFacts) -> None:
        self._text(
            f"{worded(case.kind)} · {worded(case.severity)} · {case.cabinet} {case.cabinet_name} · {case.sensor} · "
            f"{case.case_id}" + (f" · {SIMULATED}" if case.simulated else "")
        )
        self._text(
            f"报警 opened {case.opened_local}, 恢复 cleared {case.cleared_local or '-'}, "
            f"关闭 closed {case.closed_local or '-'}"
        )
        self._text(
            f"限值 limit {_number(case.limit)}, 极值 peak {_number(case.peak)} {case.unit}, {case.duration_min} 分钟 min"
        )
        self._text(f"处置 action: {case.action or '-'}; 货品 disposition: {case.disposition or '-'}")
        self._text(f"签字 signed by: {case.signed_by or '-'}; {worded(case.closed_because)}")
        if case.note:
            self._text(f"备注 note: {case.note}")
        for one in case.steps:
            self._text(_step(one))
        self._pdf.ln(2)

    def _signature(self, sha256: str) -> None:
        self._title("签字 signature")
        self._text("负责人 responsible: ____________________   日期 date: ____________________")
        self._text(f"同一数据的 JSON 记录 sha256 of the JSON record of the same facts: {sha256}")

    def _title(self, text: str, size: int = 11) -> None:
        self._pdf.ln(2)
        self._pdf.set_font(_FONT, size=size)
        self._text(text)
        self._pdf.set_font(_FONT, size=_FONT_SIZE)

    def _text(self, text: str) -> None:
        """With the lines that it needs."""
        self._pdf.multi_cell(0, _LINE, text, new_x="LMARGIN", new_y="NEXT")

    def _table(self, name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        width = _WIDTH / len(head)
        shown = False
        for row in rows:
            for line in (row,) if shown else ((name,), head, row):
                for cell in line:
                    self._pdf.cell(width, _LINE, cell)
                self._pdf.ln(_LINE)
            shown = True


def _usable(font: Path) -> Path:
    """Raises ValueError for what doesn't even begin as a font, OSError where it can't be read."""
    with font.open("rb") as file:
        if file.read(4) not in _BEGINNINGS:
            raise ValueError(font)
    return font


def _installed_font() -> Path:
    for path in map(Path, _FONTS):
        if path.is_file():
            return path
    raise _unavailable("a PDF needs a font with Chinese: install fonts-wqy-microhei")


def _unavailable(why: str) -> RefusalError:
    return RefusalError(409, "pdf_unavailable", why)


def _terms(period: Period) -> str:
    if not period.known:
        return f"限值 limits {UNKNOWN}"
    limits = f"下限 low {_number(period.low)}, 上限 high {_number(period.high)}"
    if (period.warn_low, period.warn_high) != (None, None):
        limits += f", 预警 warn {_number(period.warn_low)} / {_number(period.warn_high)}"
    calibrated = f"，{period.calibrated_on} {period.calibrated_by}" if period.calibrated_on else ""
    preset = f", 预设 preset {period.preset}" if period.preset else ""
    simulated = f", {SIMULATED}" if period.simulated else ""
    return f"{limits}, 校准偏移 offset {_number(period.offset)}{calibrated}{preset}{simulated}"


def _step(one: StepFacts) -> str:
    said = (one.actor, worded(one.what), one.action, one.disposition, one.note, worded(one.reason))
    return f"{one.at_local} " + " · ".join(word for word in said if word)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
