"""The log, the configuration and the audit of the core, read from page 5: followed, refused in words, and dated when the link goes."""

from typing import Any

import pytest

from cdg_tui import lookups
from cdg_tui.i18n import LANGUAGES, Language, Words
from core.wire_audit import Change
from core.wire_config import Config
from tests.cdg_tui.consoles import NARROW, Console, a_console
from tests.cdg_tui.factories import a_deed, a_record
from tests.cdg_tui.fake_core import FakeCore, broken_off
from tests.cdg_tui.shops import a_shop
from tests.cdg_tui.walks import sound

pytestmark = pytest.mark.anyio

OLD = {"l": "log", "c": "config", "v": "audit"}


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOG_EVERY_S", "CONFIG_EVERY_S", "AGAIN_S", "LOOK_S"):
        monkeypatch.setattr(lookups, name, 0.03)


async def opened(console: Console, key: str) -> None:
    await console.press("5", key)
    await console.until(lambda: console.read)


# -- the log -----------------------------------------------------------------------------------------------------------


async def test_the_log_follows_what_comes_with_the_newest_at_the_bottom() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "l")
        await console.shows("retries.jsonl: OSError", "跟随最新")
        console.core.log.append(a_record(42, "back again"))
        await console.shows("back again")
        assert console.core.written == []


async def test_whoever_reads_further_up_is_left_there_until_he_goes_back() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "l")
        await console.shows("OSError")
        await console.press("g")
        await console.shows("读数 1 ")
        console.core.log.append(a_record(42, "back again"))
        await console.until(lambda: "back again" in console.read)
        await console.shows("读数 1 ", "停在这里")
        assert "back again" not in console.text
        await console.press("G")
        await console.shows("back again")


@pytest.mark.parametrize(("key", "there", "gone"), [("w", "HTTP 503", "读数 39"), ("e", "OSError", "HTTP 503")])
async def test_the_log_shows_the_level_that_was_asked_for_and_the_graver_ones(key: str, there: str, gone: str) -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "l")
        await console.press(key)
        await console.until(lambda: there in console.read and gone not in console.read)
        await console.press("i")
        await console.until(lambda: gone in console.read)


async def test_after_a_restart_of_the_core_its_log_begins_again() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "l")
        await console.shows("OSError")
        console.core.run, console.core.log = "r2", [a_record(1, "started")]
        await console.until(lambda: "started" in console.read and "OSError" not in console.read)


@pytest.mark.requirement(1)
async def test_a_record_of_any_length_and_text_holds_nothing_up() -> None:
    core = a_shop()
    core.log = [a_record(n, "\x1b[2J[red]长" * 12_500) for n in range(1, 31)]
    async with a_console(core) as console:
        await opened(console, "l")
        await console.shows("30 条")
        assert max(map(len, console.read.split("\n"))) < 500
        await console.press("k", "g")
        sound(console)


# -- the configuration -------------------------------------------------------------------------------------------------


async def test_the_configuration_is_shown_as_tables_and_what_waits_for_a_restart_is_marked() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "c")
        lines = console.read.split("\n")
        assert lines[lines.index("[device]") + 1] == '  site = "SH-0412"'
        assert lines[lines.index("[cabinets.03.limits]") + 2] == "! high = 8.0  <- 重启后生效"
        assert '  secret = "***"' in lines
        assert [line for line in lines if line.startswith("!")] == ["! high = 8.0  <- 重启后生效"]


@pytest.mark.parametrize("key", ["gone.key", 'cabinets."a.b".name', "device.site"])
async def test_every_change_that_waits_is_told_also_of_what_the_file_no_longer_has(key: str) -> None:
    core = a_shop()
    settings: dict[str, Any] = {"device": {"site": "x"}, "cabinets": [{"id": "a.b", "name": "y"}]}
    core.config = Config(path="/x", settings=settings, restart_required=True, hints=("a hint",), pending=(key,))
    async with a_console(core) as console:
        await opened(console, "c")
        marked = [line for line in console.read.split("\n") if line.startswith("!")]
        assert "! 监控原话：a hint" in marked
        assert len(marked) == 2


# -- the audit ---------------------------------------------------------------------------------------------------------


async def test_the_audit_says_what_was_done_by_whom_and_what_changed_the_newest_first() -> None:
    core = a_shop()
    core.audit[1:1] = [a_deed(9, "config.patch", changes=(Change(key="a.b", old=None, new="***"),), via="uid:0")]
    async with a_console(core) as console:
        await opened(console, "v")
        lines = console.read.split("\n")
        assert "确认报警" in lines[0]
        assert lines[2] == '  handling: "new" -> "acknowledged"'
        assert lines[4].split() == ["uid:1000", "(uid:0)", "li", "socket"]
        assert lines[5] == '  a.b: -- -> "***"'


@pytest.mark.requirement(10)
async def test_why_stands_beside_what_changed_and_nothing_is_said_twice() -> None:
    core, ids = a_shop(), ["dlv_1", "dlv_2"]
    changes = (Change(key="matched", old=None, new=2), Change(key="delivery_ids", old=None, new=ids))
    asked = {"delivery_ids": ids, "reason": "已经过时", "status": "dead_letter", "note": ""}
    core.audit = [a_deed(9, "retries.discard", subject=None, asked=asked, changes=changes)]
    async with a_console(core) as console:
        await opened(console, "v")
        assert console.read.split("\n")[2:] == [
            '  {"reason": "已经过时", "status": "dead_letter"}',
            "  matched: -- -> 2",
            '  delivery_ids: -- -> ["dlv_1", "dlv_2"]',
        ]


@pytest.mark.parametrize(("language", "told"), [("zh", "作废  1 条"), ("en", "dropped  1")])
async def test_one_that_was_dropped_is_not_called_many_nor_a_dead_letter(language: Language, told: str) -> None:
    """The same request drops one or many, pending or dead."""
    core = a_shop()
    changes = (Change(key="matched", old=None, new=1), Change(key="delivery_ids", old=None, new=["dlv_1"]))
    core.audit = [a_deed(9, "retries.discard", subject=None, changes=changes)]
    async with a_console(core, language=language) as console:
        await opened(console, "v")
        assert console.read.split("\n")[0].endswith(f"  {told}")


async def test_pages_of_the_audit_come_as_somebody_reads_on() -> None:
    core = a_shop()
    core.audit = [a_deed(n, subject=f"case-{n}") for n in range(500, 0, -1)]
    async with a_console(core) as console:
        await opened(console, "v")
        await console.shows("50 条")
        await console.pilot.pause(0.1)
        assert core.asked.count("GET audit") == 1
        for _ in range(12):
            await console.press("G")
            await console.pilot.pause(0.05)
        await console.until(lambda: "case-1\n" in f"{console.read}\n")
        assert console.read.count("case-") == 500
        await console.shows("到头了")


async def test_one_kind_of_deeds_can_be_chosen() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "v")
        await console.press("tab", "tab")
        await console.shows("投递  6 条")
        assert "暂停推送地址" not in console.read


# -- what all have alike -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", OLD)
@pytest.mark.requirement(7)
async def test_where_the_link_is_lost_that_is_said_with_the_age_and_mends_itself(key: str) -> None:
    hour = [1000.0]
    async with a_console(a_shop(), now=lambda: hour[0]) as console:
        await opened(console, key)
        if key == "v":  # it reads on only where there is more
            console.core.audit = [a_deed(n) for n in range(500, 0, -1)]
            await console.press("tab")
            await console.shows("50 条")
            await console.press("G")
        before = console.read
        console.core.fail = broken_off
        if key == "v":
            await console.press("G")
        hour[0] += 30.0
        await console.shows("没有读到：连接中断", "30秒前读到的")
        assert before.split("\n")[0] in console.read
        console.core.fail = None
        await console.hides("没有读到")


@pytest.mark.parametrize(
    ("status", "code", "why"), [(404, "not_found", "没有这个接口"), (403, "insufficient_scope", "权限")]
)
@pytest.mark.parametrize("key", OLD)
async def test_an_older_core_and_one_that_refuses_are_told_in_words(key: str, status: int, code: str, why: str) -> None:
    core = a_shop()
    core.refuse[OLD[key]] = (status, code)
    async with a_console(core) as console:
        await console.press("5", key)
        await console.shows("没有读到", why)
        assert console.app.view().live
        await console.press("escape")
        await console.shows("[5 设备]")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", OLD)
async def test_nothing_to_read_is_told(key: str, language: Language) -> None:
    async with a_console(FakeCore(), language=language, size=NARROW) as console:
        await console.press("5", key)
        words = Words(language)
        said = {"l": "log.nothing", "c": "configuration.in_force", "v": "audit.nothing"}[key]
        await console.shows(words(said))


async def test_no_more_is_asked_once_they_are_closed() -> None:
    async with a_console(a_shop()) as console:
        await opened(console, "l")
        await console.press("escape")
        await console.pilot.pause(0.1)
        before = console.core.asked.count("GET log")
        await console.pilot.pause(0.2)
        assert console.core.asked.count("GET log") == before
