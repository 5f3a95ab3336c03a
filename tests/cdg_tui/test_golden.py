"""What the screens look like, letter by letter, in both languages at both sizes; and what every one of them keeps.

The pictures stand in golden/; after a change that is meant, `CDG_GOLDEN=write pytest tests/cdg_tui/test_golden.py` makes them
anew: look at them before you keep them.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from unicodedata import east_asian_width

import httpx
import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui import lookups
from cdg_tui.actions import on_page
from cdg_tui.glyphs import HOUSE, GlyphMode
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.known import Known
from cdg_tui.screens.page import MARKS
from cdg_tui.screens.reader import RowReader
from cdg_tui.store import TREND_LONGEST_S
from core import wire
from tests.cdg_tui.consoles import GOLDEN, NARROW, WIDE, Console, StartedCore, a_console
from tests.cdg_tui.fake_core import FakeCore, no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

SIZES = (NARROW, WIDE)
# Besides Unicode: what English is drawn in on a plain console, and Chinese on a terminal with wide rules.
MODES: dict[Language, GlyphMode] = {"en": GlyphMode.ASCII, "zh": GlyphMode.PLAIN}


@dataclass(frozen=True)
class Scene:
    """Which keys lead there, and the word or mark that stands on the screen when it has come."""

    keys: str
    mark: str


SCENES = {
    "overview": Scene("1", "order.worst"),
    "cases": Scene("2", "column.condition"),
    "retries": Scene("3", "column.next"),
    "dead": Scene("4", "column.given_up"),
    "help": Scene("2 question_mark", "help.help"),
    "details-cabinet": Scene("1 enter", "detail.title"),
    "details-cabinet-end": Scene("1 enter G", "legend.limit"),
    "details-case": Scene("2 enter", "detail.title"),
    "details-case-end": Scene("2 j j j enter G", "legend.cleared"),
    "details-delivery": Scene("3 enter", "detail.history"),
    "filter": Scene("1 slash 0", "order.worst"),
    "acknowledge": Scene("2 A", "dialog.yes"),
    "handle": Scene("2 H", "handle.choose"),
    "handle-chosen": Scene("2 H 1 2", "dialog.yes"),
    "handle-note": Scene("2 H 1 2 tab o k", "form.noting"),
    "handle-cleared": Scene("2 G H", "handle.closes"),
    "note": Scene("2 N", "note.remark"),
    "shelve": Scene("2 j S", "shelve.about"),
    "shelve-chosen": Scene("2 j S 3 2", "dialog.yes"),
    "unshelve": Scene("2 j j S", "unshelve.title"),
    "maintenance": Scene("1 g j M", "maintenance.about"),
    "maintenance-end": Scene("1 g M", "maintenance.end"),
    "service": Scene("1 g O", "service.title"),
    "cancel": Scene("3 X 1", "dialog.yes"),
    "cancel-many": Scene("4 a X 1", "cancel.reason"),
    "groups": Scene("4 z", "order.groups"),
    "marked": Scene("3 space", "column.next"),
    "palette": Scene("3 colon", "palette.about"),
    "recover": Scene("4 B 2", "dialog.yes"),
    "device": Scene("5", "column.holdup"),
    "details-endpoint": Scene("5 j enter", "detail.title"),
    "details-box": Scene("5 G enter", "column.accounts"),
    "log": Scene("5 l", "log.follows"),
    "configuration": Scene("5 c", "configuration.waits"),
    "audit": Scene("5 v", "audit.end"),
    "payload": Scene("3 enter v", "payload.bytes"),
    "pause": Scene("5 P", "pause.choose"),
    "test": Scene("5 T", "dialog.yes"),
    "retry": Scene("3 R", "dialog.yes"),
    "requeue": Scene("4 R", "dialog.yes"),
    "drain": Scene("3 D", "dialog.yes"),
    "drain-done": Scene("3 D Y", "result.delivered"),
    "leave": Scene("q", "leave.keep"),
    "settings": Scene("f2", "settings.keys"),
    "wallboard": Scene("w", "wallboard.leave"),
    "kiosk": Scene("1", "access.pin"),
    "unlock": Scene("u", "unlock.who"),
    "unlock-pin": Scene("u 1 tab 4 0 2", "unlock.keys"),
    "lock": Scene("q", "lock.title"),
}
KIOSK = {"kiosk", "unlock", "unlock-pin", "lock"}
# With no box open, and with all that is shown read by then, it doesn't matter in which size it was opened.
RESIZED = {
    *("overview", "cases", "retries", "dead", "groups", "marked", "device", "filter", "kiosk", "wallboard"),
    *("empty", "connecting", "troubled"),
}
ALL = [*SCENES, "lost", "lost-wallboard", "lost-drain", "empty", "connecting", "troubled"]


async def pictures_of(name: str, language: Language, sizes: Sequence[tuple[int, int]]) -> dict[str, str]:
    """By the names of their files, in Unicode and in the language's other mode: opened in the first of these sizes and resized to
    the others. What the lines are drawn through is what draws them on a terminal.
    """
    core = FakeCore() if name == "empty" else a_shop()
    if name == "troubled":
        core.status_changes = full_house(core)
    if name == "connecting":
        core.hang = True
    core.pins = {"李工": "402817", "王工": "402818"}
    async with a_console(
        core,
        language=language,
        size=sizes[0],
        now=lambda: 1000.0,
        deadline_s=60.0,
        heard=not core.hang,
        kiosk=name in KIOSK,
    ) as console:
        await _go(console, name)
        found = {}
        for size in sizes:
            if size != console.app.size:
                await console.pilot.resize_terminal(*size)
                await _is_whole(console)
            for mode in (GlyphMode.UNICODE, MODES[language]):
                found[named(name, language, size, mode)] = console.drawn(mode)
        return found


async def _go(console: Console, name: str) -> None:
    words = console.app.words
    scene = SCENES.get(name) or SCENES[name.removeprefix("lost-") if name.startswith("lost-") else "overview"]
    if name == "leave":
        console.app.session.worker = StartedCore()
    if name not in {"connecting", "empty"}:
        await console.until(lambda: console.app.store.trends["03.air"].step_s == TREND_LONGEST_S)
        await console.news()  # which shows them
    if name != "connecting":
        await _press(console, scene.keys)
    if name not in {"filter", "connecting"}:
        await console.until(lambda: words(scene.mark) in console.text)
    if name != "connecting":
        await console.news()  # which shows what the keys have done
    await _is_whole(console)
    if name.startswith("lost"):
        console.meets(partial(_gone, console.core))
        await console.shows(words("link.lost"))
        await settled(console)


async def _is_whole(console: Console) -> None:
    await console.until(lambda: console.app.view().wide is (console.app.size == WIDE) and _is_read(console))
    await settled(console)


async def _press(console: Console, keys: str) -> None:
    """Each when what the one before has opened is read."""
    words = console.app.words
    for key in keys.split():
        if key == "Y":
            await console.shows(words("dialog.yes"))
        await console.press(key)
        if isinstance(box := console.app.screen, RowReader):
            await console.until(partial(is_known, console, box.known))
            await settled(console)


def is_known(console: Console, known: Known) -> bool:
    """All there is to read about this row of the page has been read."""
    page, told = console.app.page_screen, "\n".join(text.plain for text in known.texts(80))
    if console.app.words("course.reading") in told:
        return False
    if page.page.windowed(page.asked):
        return known.delivery is not None
    return page.page.id != "cases" or console.app.words("step.title") in told


def _is_read(console: Console) -> bool:
    """In a wide terminal all about the row under the cursor stands beside the list."""
    app, screen, key = console.app, console.app.page_screen, console.app.cursor_key
    if not app.view().wide or key is None or screen.asked.folded:
        return True
    return screen.known is not None and screen.known.key == key and is_known(console, screen.known)


def _gone(core: FakeCore, request: httpx.Request) -> httpx.Response:
    """Refuses once and hangs then, so that the number of tries stands still."""
    core.hang = True
    return no_socket(request)


async def settled(console: Console) -> None:
    """Until it looks the same twice."""
    before = ""
    while console.text != before:
        before = console.text
        await console.pilot.pause()


def full_house(core: FakeCore) -> dict[str, object]:
    """As much at once as the lines round a page have to hold."""
    since = core.cases[0].opened_at
    summary = structs.replace(core.summary(), pending=12345, dead_letter=678)
    device = wire.DeviceInfo(
        id="kiosk",
        site="SH-0412-B2",
        site_name="上海徐家汇第一食品商店地下二层",
        timezone="Asia/Shanghai",
        language="zh",
        boot_id="b",
    )
    return {
        "device": device,
        "network": "offline",
        "simulated": True,
        "cases": wire.CaseCounts(open=57, critical=12, warning=34),
        "webhooks": summary,
        "durability": wire.DurabilityInfo(
            state=wire.Durability.MEMORY_ONLY, degraded=True, archive_unacknowledged=0, journals={}
        ),
        "problems": tuple(
            wire.Problem(code=code, since=since, text="x")
            for code in ("retries_not_durable", "cases_not_durable", "tcp_unavailable")
        ),
    }


RUNS = [(name, sizes) for name in ALL for sizes in ([SIZES] if name in RESIZED else [(NARROW,), (WIDE,)])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "sizes"), RUNS, ids=lambda part: part if isinstance(part, str) else f"{part[-1][0]}")
async def test_a_screen_looks_as_its_picture(
    name: str, sizes: Sequence[tuple[int, int]], language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "li")  # who acts
    for wait in ("LOOK_S", "REST_S"):
        monkeypatch.setattr(lookups, wait, 0.02)
    for stem, text in (await pictures_of(name, language, sizes)).items():
        file = GOLDEN / f"{stem}.txt"
        if os.environ.get("CDG_GOLDEN") == "write":
            file.write_text(f"{text}\n", encoding="utf-8")
        assert f"{text}\n" == file.read_text(encoding="utf-8"), file.name


def named(name: str, language: Language, size: tuple[int, int], mode: GlyphMode) -> str:
    plain = f"{name}-{language}-{size[0]}x{size[1]}"
    return plain if mode is GlyphMode.UNICODE else f"{plain}-{mode}"


# -- what holds for every picture --------------------------------------------------------------------------------------


def pictures(language: str = "*", end: str = "") -> Iterator[tuple[str, str]]:
    for file in sorted(GOLDEN.glob(f"*-{language}-*{end}.txt")):
        yield file.name, file.read_text(encoding="utf-8")


def test_there_is_no_picture_of_something_that_is_gone() -> None:
    expected = {
        f"{named(name, language, size, mode)}.txt"
        for name, language, size in product(ALL, LANGUAGES, SIZES)
        for mode in (GlyphMode.UNICODE, MODES[language])
    }
    assert {file.name for file in GOLDEN.iterdir()} == expected


@pytest.mark.requirement(12)
def test_no_line_is_wider_than_its_screen() -> None:
    for name, text in pictures():
        [(width, height)] = re.findall(r"-(\d+)x(\d+)[-.]", name)
        lines = text.removesuffix("\n").split("\n")
        assert len(lines) == int(height), name
        assert max(map(cell_len, lines)) <= int(width), name


# What no language of ours translates: keys, protocols, units, ids and what the shop's people and machines are called.
DATA = re.compile(
    r"zh 中文|en English|Asia/Shanghai|kiosk|SH-0412(-B2)?|\d\d\.(air|defrost|door)|iso_m1|EN ISO|\w+_[0-9a-f_]+|case\.\w+|(hq|region|sms|old|bi)\.(example\.com|\w+~)|maintenance|no such host|standard|<html>Not found</html>|HTTP|ms|li|uid"
    r"|F\d+|Ctrl|Space|Enter|Esc|PgUp|PgDn|Tab|\b[A-Za-z]\b|(mainte|te)?nance|ok|C(?=\b)|i\b|\d+C\b"
)


@pytest.mark.requirement(18)
def test_no_english_stands_on_a_chinese_screen() -> None:
    """But for what the core's log, its file and a delivery's body say, and the palette's names for whoever has no input method."""
    for name, text in pictures("zh"):
        if name.startswith(("log-", "configuration-", "payload-", "audit-", "palette-")):
            continue
        assert not re.findall(r"[A-Za-z]{2,}", DATA.sub("", text)), name


@pytest.mark.requirement(12)
def test_alarms_counts_link_and_every_key_stand_on_every_screen() -> None:
    """Under a dialog too, and however much there is to say."""
    for language in LANGUAGES:
        words = Words(language)
        everywhere = [on for on in on_page("overview") if on.in_footer and on.everywhere]
        keys = [f"{on.shown.split()[0]} {words(f'action.{on.id}')}" for on in everywhere]
        for name, text in pictures(language):
            lines = text.split("\n")
            links = [words(f"link.{state}") for state in ("live", "lost", "connecting")]
            assert any(link in lines[0] for link in links), name
            if not name.startswith("connecting"):
                assert all(words(word) in lines[0] for word in ("severity.critical", "severity.warning")), name
                assert all(words(word) in lines[0] for word in ("word.pending", "word.dead")), name
            if not name.startswith(("wallboard", "lost-wallboard", "lock")):  # where any key leads back
                assert all(key in text for key in keys), name
            assert words("durability.memory_only") in lines[0] or not name.startswith("troubled"), name


@pytest.mark.requirement(13, 14)
def test_in_ascii_there_is_not_one_byte_above_0x7f() -> None:
    """On any page, dialog, notice or help; and what the console itself draws is not merely replaced by a question mark."""
    found = dict(pictures("en", "ascii"))
    assert len(found) == len(ALL) * len(SIZES)
    assert [name for name, text in found.items() if not text.isascii()] == []
    for name, text in found.items():
        drawn = (GOLDEN / name.replace("-ascii", "")).read_text(encoding="utf-8")
        han = len(re.findall("[\u3000-\u9fff\uff00-\uff60]", drawn))
        assert text.count("?") - drawn.count("?") == 2 * han, name


@pytest.mark.requirement(16)
def test_with_wide_rules_nothing_is_drawn_that_could_be_wide() -> None:
    found = dict(pictures("zh", "plain"))
    assert len(found) == len(ALL) * len(SIZES)
    for name, text in found.items():
        assert {east_asian_width(c) for c in text} <= {"Na", "N", "W", "F"}, name
        assert not set(text) & set(HOUSE), name


@pytest.mark.requirement(13)
@pytest.mark.parametrize("mode", ["", "-mode"])
@pytest.mark.parametrize("size", ["80x24", "200x50"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_screens_look_alike_without_their_colours(language: Language, size: str, mode: str) -> None:
    """The pictures hold no style at all. What is scrolled to its end differs only where it was too long."""
    found = list(pictures(language, size + mode.replace("mode", MODES[language])))
    assert len(found) == len(ALL)
    screens = [(name, text) for name, text in found if "-end-" not in name]
    for (one, left), (other, right) in combinations(screens, 2):
        assert left != right, (one, other)


@pytest.mark.requirement(13)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_is_told_by_its_mark_and_word_and_not_by_colour_alone(language: Language) -> None:
    words, text = Words(language), (GOLDEN / f"overview-{language}-80x24.txt").read_text(encoding="utf-8")
    states = ("critical", "warning", "fault", "suspect", "stale", "pending", "out_of_service")
    assert all(f"{MARKS[state]:<2}{words(f'state.{state}')}" in text for state in states)
    assert words("state.ok") in text
