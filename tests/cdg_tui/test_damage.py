"""K, where a log was damaged: what the dialog tells, that only a yes is sent, and when there is nothing to ask."""

from typing import Any

import httpx
import pytest
from msgspec import structs

from cdg_tui.commands.asking import who
from cdg_tui.i18n import LANGUAGES, Language, Words
from core import wire
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.fake_core import FakeCore, a_status, an_answer, no_socket

pytestmark = pytest.mark.anyio

ASKING = "日志有损坏，已经看到"
PATH = "durability/acknowledge"
TORN: dict[str, Any] = {
    "degraded": True,
    "unacknowledged": 2,
    "torn_tails": 3,
    "damaged_lines": 17,
    "lost_numbers": 11,
    "quarantined_files": 5,
    "quarantined_bytes": 4096,
}
FORBIDDEN: dict[str, Any] = {
    "degraded": True,
    "state": wire.Durability.MEMORY_ONLY,
    "reason": "a newer version wrote it",
}


class DamagedCore(FakeCore):
    """Its journals were damaged, each as given; acknowledging mends what can be acknowledged."""

    def __init__(self, **journals: dict[str, Any]):
        super().__init__()
        sound = a_status(self).durability.journals["retries"]
        self._tell({name: structs.replace(sound, **figures) for name, figures in journals.items()})

    def _tell(self, journals: dict[str, wire.JournalHealth]) -> wire.DurabilityInfo:
        degraded = any(one.degraded for one in journals.values())
        told = wire.DurabilityInfo(
            state=wire.Durability.DURABLE, degraded=degraded, archive_unacknowledged=0, journals=journals
        )
        self.status_changes["durability"] = told
        return told

    def _answer(self, request: httpx.Request, path: str) -> httpx.Response:
        if (request.method, path) != ("POST", PATH):
            return super()._answer(request, path)
        journals = self.status_changes["durability"].journals
        seen = {
            name: structs.replace(one, degraded=one.degraded and not one.unacknowledged, unacknowledged=0)
            for name, one in journals.items()
        }
        return an_answer(self._tell(seen))


async def asked(console: Console, words: Words) -> None:
    await console.press("1", "K")
    await console.shows(words("damage.title"))


def unwrapped(text: str) -> str:
    """Without the frame of a dialog and the places where its lines were broken."""
    return "".join(text.replace("│", "").split())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_dialog_tells_of_each_damaged_journal_in_figures(language: Language) -> None:
    """Torn ends, lines, numbers, pieces and bytes; and as whom one says so. Of sound journals nothing."""
    words = Words(language)
    core = DamagedCore(retries=TORN, cases={**TORN, "damaged_lines": 42}, audit={})
    async with a_console(core, language=language) as console:
        await console.shows(words("word.degraded"))
        await asked(console, words)
        figures = {"torn": 3, "lost": 11, "files": 5, "bytes": 4096}
        for name, lines in (("retries", 17), ("cases", 42)):
            told = words("damage.journal", name=name, lines=lines, **figures)
            assert unwrapped(told) in unwrapped(console.text)
        await console.shows(words("dialog.as", who=who()))
        assert "audit" not in console.text


async def test_a_yes_is_sent_once_with_the_name_and_the_words_go() -> None:
    async with a_console(DamagedCore(retries=TORN)) as console:
        await console.shows("日志有损坏!")
        await asked(console, Words("zh"))
        await console.press("Y")
        await console.shows("已记下")
        await console.hides("日志有损坏!")
        assert console.sent == [(PATH, {"by": who()})]


@pytest.mark.parametrize("key", ["y", "k", "K", "enter", "escape", "space", "f9"])
async def test_nothing_is_sent_without_a_capital_y(key: str) -> None:
    async with a_console(DamagedCore(retries=TORN)) as console:
        await asked(console, Words("zh"))
        await console.press(key, "enter", "escape")
        await console.hides(ASKING)
        assert console.sent == []
        await console.shows("日志有损坏!")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_nothing_is_damaged_k_says_so_and_asks_nothing(language: Language) -> None:
    async with a_console(DamagedCore(retries={}, cases={}), language=language) as console:
        await console.press("1", "K")
        await console.shows(Words(language)("damage.none"))
        assert console.app.asks_nothing
        assert console.core.written == []


async def test_while_the_link_is_lost_k_opens_nothing() -> None:
    async with a_console(DamagedCore(retries=TORN)) as console:
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("K")
        await console.shows("现在没有连接")
        assert console.app.asks_nothing
        assert console.core.written == []


async def test_a_yes_after_the_link_was_lost_sends_nothing_also_not_later() -> None:
    async with a_console(DamagedCore(retries=TORN)) as console:
        await asked(console, Words("zh"))
        console.meets(no_socket)
        await console.shows("断开")
        await console.press("Y")
        await console.shows("现在没有连接")
        console.meets(None)
        await console.hides("断开")
        await console.news()
        assert console.sent == []


async def test_before_the_core_was_heard_there_is_nothing_to_acknowledge() -> None:
    core = DamagedCore(retries=TORN)
    core.fail = no_socket
    async with a_console(core, heard=False) as console:
        await console.press("1", "K")
        assert console.app.asks_nothing
        assert console.core.written == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_journal_that_may_not_be_touched_is_told_with_its_reason(language: Language) -> None:
    """There are no figures of it: nothing in it was read."""
    async with a_console(DamagedCore(retries=FORBIDDEN), language=language) as console:
        await asked(console, Words(language))
        await console.shows("retries", "a newer version wrote it")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_quarantine_that_cannot_be_written_is_told_in_words(language: Language) -> None:
    """And the words of damage stay."""
    words, core = Words(language), DamagedCore(retries=TORN)
    core.refuse = {"acknowledge": (409, "quarantine_not_writable")}
    async with a_console(core, language=language) as console:
        await asked(console, words)
        await console.press("Y")
        await console.shows(words("notice.refused", why=words("cause.quarantine_not_writable")))
        assert "quarantine_not_writable" not in console.text
        await console.shows(words("word.degraded"))


async def test_an_answer_that_went_missing_is_not_called_a_failure() -> None:
    """The core may have written it down all the same."""
    async with a_console(DamagedCore(retries=TORN)) as console:
        await asked(console, Words("zh"))
        console.core.swallow = True
        await console.press("Y")
        await console.shows("不知道做成没有")


@pytest.mark.parametrize(("page", "key"), [("2", "K"), ("3", "f12"), ("4", "K"), ("5", "f12")])
async def test_it_is_asked_on_every_page_since_every_page_says_so(page: str, key: str) -> None:
    """The banner that names the key stands on all of them."""
    async with a_console(DamagedCore(retries=TORN)) as console:
        await console.press(page, key)
        await console.shows(Words("zh")("damage.title"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_words_of_damage_and_of_no_disk_stand_side_by_side(language: Language) -> None:
    words, core = Words(language), DamagedCore(retries=TORN)
    told = core.status_changes["durability"]
    core.status_changes["durability"] = structs.replace(told, state=wire.Durability.MEMORY_ONLY)
    async with a_console(core, language=language) as console:
        await console.shows(words("durability.memory_only"), words("word.degraded"))
