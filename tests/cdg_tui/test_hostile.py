"""Whatever a sensor, a receiver or a stranger on the line calls things: the console stays up, and nothing of it reaches the
terminal as a command, as markup, or as a line that is wider than the screen.
"""

import json
from typing import Any, cast

import httpx
import pytest
from textual.content import Content

from cdg_tui.i18n import LANGUAGES, Language
from cdg_tui.text import safe
from core import wire
from tests.cdg_tui import core_codes
from tests.cdg_tui.consoles import NARROW, WIDE, a_console
from tests.cdg_tui.fake_core import FakeCore, a_problem
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound, walk_through

pytestmark = pytest.mark.anyio

HOSTILE = (
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b[?1049l\x1b[31m",
    "\x9b2J\x9d0;owned\x9c",
    "\x90tmux;\x9c\x85",
    "line\r\nbreak\rback",
    "bell\x07bs\x08\x08del\x7f",
    "tab\tvt\x0bff\x0c",
    "\x00nul\x00",
    "\u202eright to left\u202c \u2066iso\u2069",
    "\u200fמשהו\u200e عربي",
    "zero\u200bwidth\u200d\ufeff\u2060",
    "line\u2028par\u2029",
    "[/nope] a[b",
    "[red]x[/red][bold",
    "[@click=app.quit]x[/]",
    "[link=file:///etc/passwd]x[/link]",
    "\\[escaped\\] [/",
    "$x ${y} #{z} @[w]",
    "{0} {x} {} {!r}",
    "%s %d %(x)s %n",
    "<script>alert(1)</script>&lt;",
    "👩‍👩‍👧‍👦👍🏽🇨🇳",
    "☑️ ⚠️ ❤️",
    "e" + "\u0301" * 60,
    "Z̸̡̛͖̺̭̟A̷̢͓̹L̴͎̈́G̵̗͝O̶̥͗",
    "全角ＡＢＣ（）「」" * 8,
    "ﷺ𒐫꧅",
    "한글\u1100\u1161\u11a8 ไทยกี่",
    "长" * 3000,
    "x" * 5000,
    " \u3000\u00a0\u2007 ",
    "\U000e0041\U000e007f\ue000\U0010ffff",
    "\u00ad\u034f\u061c\u180e\u3164\uffa0",
    "../../etc/passwd\n!! 断开",
)
NUMBERED = [f"{number:02}" for number in range(len(HOSTILE))]
NAMED = {"delivery_id", "case_id", "result"}  # what a request names again


def spoilt(document: Any, text: str, kept: frozenset[str], name: str = "") -> Any:
    """Every string that the contract leaves open, replaced; identities stay apart from one another. Times and what the
    contract enumerates keep their form: of an answer that breaks it nothing would be shown at all.
    """
    if isinstance(document, dict):
        return {key: spoilt(value, text, kept, key) for key, value in document.items()}
    if isinstance(document, list):
        return [spoilt(item, text, kept, name) for item in document]
    if not isinstance(document, str) or name in kept or _enumerated(document, name):
        return document
    return f"{text}{document}" if name.endswith("id") or name == "sensor" else text


def _enumerated(value: str, name: str) -> bool:
    is_time = (len(value) >= 20 and value.endswith("Z") and value[4] == "-") or name in {
        "calibrated_on",
        "calibration_due",
    }
    states = {"durable", *core_codes.ENUMS["endpoint"]}
    return is_time or name in {"status", "outcome"} or (name == "state" and value in states)


class SpoiltCore(FakeCore):
    """Says everything with this text in it."""

    text = ""
    kept: frozenset[str] = frozenset()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        document = spoilt(json.loads(answer.content), self.text, self.kept)
        # ASCII, so that lone surrogates travel as JSON can carry them.
        return httpx.Response(answer.status_code, content=json.dumps(document).encode(), headers=answer.headers)


class RefusingCore(FakeCore):
    """Answers every question, and refuses what would change something, in these words."""

    text = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        return answer if request.method == "GET" else _problem(409, self.text)


def like(core: FakeCore, kind: type[FakeCore], **more: Any) -> Any:
    """The same core with other manners."""
    changed = kind()
    vars(changed).update(vars(core) | more)
    return changed


def a_spoilt_shop(text: str, kept: frozenset[str]) -> FakeCore:
    core = a_shop()
    since = core.cases[0].opened_at
    core.status_changes = {"problems": tuple(wire.Problem(code=f"{n}", since=since, text="x") for n in range(3))}
    return cast("FakeCore", like(core, SpoiltCore, text=text, kept=kept))


@pytest.mark.parametrize("text", HOSTILE, ids=NUMBERED)
async def test_no_text_in_any_field_harms_any_page_or_dialog(text: str) -> None:
    await _survives(a_spoilt_shop(text, frozenset()), "zh", NARROW)


@pytest.mark.parametrize("text", HOSTILE[::4], ids=NUMBERED[::4])
async def test_nor_where_what_is_asked_for_is_found_and_done(text: str) -> None:
    await _survives(a_spoilt_shop(text, frozenset(NAMED)), "en", NARROW)


@pytest.mark.parametrize("text", HOSTILE[::6])
async def test_nor_where_the_details_stand_beside_the_list(text: str) -> None:
    await _survives(a_spoilt_shop(text, frozenset(NAMED)), "en", WIDE)


async def _survives(core: FakeCore, language: Language, size: tuple[int, int]) -> None:
    async with a_console(core, language=language, size=size) as console:
        await walk_through(console)
        assert console.app.crash is None
        assert console.app.is_running


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_text_of_a_refusal_harms_the_notice_or_the_banner(language: Language) -> None:
    core = like(a_shop(), RefusingCore)
    async with a_console(core, language=language) as console:
        await console.type("2")
        for core.text in HOSTILE:
            await console.type("A")
            await console.until(lambda: not console.app.asks_nothing)
            console.app.notice = Content("")
            await console.type("Y", after_s=1.0)
            await console.until(lambda: console.app.notice)
            await console.pilot.pause(0.01)
            sound(console)
        for core.text in HOSTILE:
            console.meets(lambda request: _problem(500, core.text))
            await console.until(lambda: console.app.store.link.detail == safe(core.text))
            await console.pilot.pause(0.01)
            sound(console)
        console.meets(None)
        await console.until(lambda: console.app.view().live)


async def test_half_a_character_is_no_answer_but_no_harm_either() -> None:
    """JSON can carry a lone surrogate, which no terminal can be sent; a core of ours never says one."""
    async with a_console(a_shop()) as console:
        console.meets(lambda request: httpx.Response(200, content=b'{"version": "\\ud800"}'))
        await console.shows("版本不符")
        sound(console)


def _problem(status: int, text: str) -> httpx.Response:
    plain = json.loads(a_problem(status, "code").content)
    content = json.dumps({**plain, "code": text, "detail": text, "title": text}).encode()
    return httpx.Response(status, content=content, headers={"content-type": "application/problem+json"})
