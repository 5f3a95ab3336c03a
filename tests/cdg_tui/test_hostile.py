"""Whatever a sensor, a receiver or a stranger on the line calls things: the console stays up, and nothing of it reaches the
terminal as a command, as markup, or as a line that is wider than the screen.
"""

import json
from collections.abc import Callable, Container, Sequence
from typing import Any, cast
from zlib import crc32

import httpx
import msgspec
import pytest
from textual.content import Content

from cdg_tui.client import Client
from cdg_tui.i18n import LANGUAGES, Language
from cdg_tui.text import LONGEST, safe
from core import wire
from tests.cdg_tui import core_codes
from tests.cdg_tui.consoles import NARROW, WIDE, a_console
from tests.cdg_tui.fake_core import FakeCore, a_problem
from tests.cdg_tui.hostile import ENDLESS, HOSTILE, Saying, answer_of, has_an_answer, questions, strings_in
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound, walk_through

pytestmark = pytest.mark.anyio

NAMED = {"delivery_id", "case_id", "result"}  # what a request names again
TURN = 7  # so many texts further on stands in each field the next one in another walk
TURNS = [
    pytest.param((*HOSTILE[first:], *HOSTILE[:first]), id=f"from-{first:02}") for first in range(0, len(HOSTILE), TURN)
]
ALONE = [pytest.param((text,), id=f"{n:02}", marks=pytest.mark.torture) for n, text in enumerate(HOSTILE)]

Texts = Callable[[str], str]
"""Which text stands for what stood there."""


def each_in_turn(texts: Sequence[str]) -> Texts:
    """Always the same for the same, and all of them somewhere."""
    return lambda stood: texts[crc32(stood.encode()) % len(texts)]


def spoilt(document: Any, text: Texts, kept: Container[str], name: str = "") -> Any:
    """Every string that the contract leaves open, replaced; identities stay apart from one another. Times and what the
    contract enumerates keep their form: of an answer that breaks it nothing would be shown at all.
    """
    if isinstance(document, dict):
        return {key: spoilt(value, text, kept, key) for key, value in document.items()}
    if isinstance(document, list):
        return [spoilt(item, text, kept, name) for item in document]
    if not isinstance(document, str) or name in kept or _enumerated(document, name):
        return document
    put = text(f"{name} {document}")
    return f"{put}{document}" if name.endswith("id") or name == "sensor" else put


def _enumerated(value: str, name: str) -> bool:
    is_time = (len(value) >= 20 and value.endswith("Z") and value[4] == "-") or name in {
        "calibrated_on",
        "calibration_due",
    }
    states = {"durable", *core_codes.ENUMS["endpoint"]}
    return is_time or name in {"status", "outcome"} or (name == "state" and value in states)


class AllBut:
    """Holds every name but these."""

    def __init__(self, *names: str):
        self._names = names

    def __contains__(self, name: object) -> bool:
        return name not in self._names


class SpoiltCore(FakeCore):
    """Says everything with these texts in it."""

    texts: Texts
    kept: Container[str] = frozenset()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        document = spoilt(json.loads(answer.content), self.texts, self.kept)
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


def a_spoilt_shop(texts: Texts, kept: Container[str]) -> FakeCore:
    core = a_shop()
    since = core.cases[0].opened_at
    core.status_changes = {"problems": tuple(wire.Problem(code=f"{n}", since=since, text="x") for n in range(3))}
    return cast("FakeCore", like(core, SpoiltCore, texts=texts, kept=kept))


@pytest.mark.requirement(1)
@pytest.mark.parametrize("name", [name for name in questions() if has_an_answer(name)])
async def test_no_string_of_any_answer_comes_past_the_client_as_it_was(name: str) -> None:
    """In every member that the contract leaves open, those too that a shop of ours leaves out; each text in each."""
    saying = Saying()
    client = Client("http://localhost", transport=saying)
    for text in (*HOSTILE, *ENDLESS):
        saying.content = answer_of(name, lambda: text)  # noqa: B023 - called here
        found = strings_in(msgspec.to_builtins(await questions()[name](client)))
        assert all(one.isprintable() and len(one) <= LONGEST and safe(one) == one for one in found)
        assert safe(text) in found
    await client.close()


def test_there_are_texts_of_every_kind_that_means_harm() -> None:
    assert len(set(HOSTILE)) >= 30


@pytest.mark.requirement(1)
@pytest.mark.parametrize("texts", [*TURNS, *ALONE])
async def test_no_text_in_any_field_harms_any_page_or_dialog(texts: Sequence[str]) -> None:
    """All of them on each walk, in other fields on the next; by hand, also each one in all fields at once."""
    await _survives(a_spoilt_shop(each_in_turn(texts), frozenset()), "zh", NARROW)


@pytest.mark.requirement(1)
async def test_nor_does_one_without_an_end() -> None:
    """In what people and machines are called, and in what they answer."""
    kept = AllBut("name", "site_name", "last_error", "endpoint", "excerpt")
    await _survives(a_spoilt_shop(each_in_turn([ENDLESS[1]]), kept), "en", NARROW)


@pytest.mark.parametrize("texts", [*TURNS[::2], *ALONE])
async def test_nor_where_what_is_asked_for_is_found_and_done(texts: Sequence[str]) -> None:
    await _survives(a_spoilt_shop(each_in_turn(texts), frozenset(NAMED)), "en", NARROW)


@pytest.mark.parametrize("texts", [*TURNS[1::3], *ALONE])
async def test_nor_where_the_details_stand_beside_the_list(texts: Sequence[str]) -> None:
    await _survives(a_spoilt_shop(each_in_turn(texts), frozenset(NAMED)), "en", WIDE)


async def _survives(core: FakeCore, language: Language, size: tuple[int, int]) -> None:
    async with a_console(core, language=language, size=size) as console:
        await walk_through(console)
        assert console.app.crash is None
        assert console.app.is_running


@pytest.mark.parametrize(("language", "texts"), [("zh", HOSTILE[::2]), ("en", HOSTILE[1::2])], ids=LANGUAGES)
async def test_no_text_of_a_refusal_harms_the_notice_or_the_banner(language: Language, texts: Sequence[str]) -> None:
    core = like(a_shop(), RefusingCore)
    async with a_console(core, language=language) as console:
        await console.type("2")
        for core.text in texts:
            await console.type("A")
            await console.until(lambda: not console.app.asks_nothing)
            console.app.notice = Content("")
            await console.type("Y", after_s=1.0)
            await console.until(lambda: console.app.notice)
            await console.pilot.pause(0.01)
            sound(console)
        for core.text in texts:
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
