"""Who may write at a console, and until when: read-only until an operator's PIN that the core checks, locked again by itself,
and no way out of a kiosk but a signal.
"""

import ast
import string
from itertools import product
from pathlib import Path

import pytest

from cdg_tui.access import IDLE_S
from cdg_tui.actions import PAGES, on_page
from cdg_tui.client import Client
from cdg_tui.errors import RefusedError
from core.wire import Acknowledge
from core.wire_access import Unlock
from tests.cdg_tui.consoles import Console, a_console
from tests.cdg_tui.factories import a_case
from tests.cdg_tui.fake_core import FakeCore, refused
from tests.cdg_tui.shops import a_shop

pytestmark = [pytest.mark.anyio, pytest.mark.requirement(22)]

PIN = "402817"
READ_ONLY = "只读：按 u 用密码解锁"
ACKNOWLEDGED = f"cases/{a_case(1).case_id}/acknowledge"


def a_guarded_shop(scope: str = "read", *operators: str) -> FakeCore:
    core = a_shop()
    core.scope = scope  # type: ignore[assignment]
    core.pins = dict.fromkeys(operators or ("李工",), PIN)
    return core


async def unlock(console: Console, pin: str = PIN) -> None:
    await console.press("u")
    await console.shows("用密码解锁")
    await console.press(*pin, "enter")


def posted(core: FakeCore) -> list[str]:
    return [path for path, _ in core.written]


# -- read-only -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "kiosk"), [("read", False), ("operate", True), ("admin", True)])
async def test_it_reads_only_until_somebody_unlocks_it_and_says_so(scope: str, kiosk: bool) -> None:
    """Where the core lets it read only, and at a kiosk whatever the core would let it do."""
    async with a_console(a_guarded_shop(scope), kiosk=kiosk) as console:
        await console.shows("只读（u 解锁）")
        for page in PAGES:
            await console.press(str(PAGES.index(page) + 1))
            for action in on_page(page):
                if action.writes and action.id != "damage":
                    await console.press(action.keys[0])
                    await console.shows(READ_ONLY)
                    assert console.app.asks_nothing
        assert console.core.written == []


async def test_a_token_that_may_only_read_has_nothing_to_unlock() -> None:
    core = a_guarded_shop()
    core.actor = "token:bi"
    async with a_console(core) as console:
        await console.shows("只读")
        assert "解锁" not in console.text
        for key in ("D", "u"):
            await console.press(key)
            await console.shows("这个令牌只能查看，不能操作")
            await console.press("2")
        assert core.written == []


@pytest.mark.parametrize("scope", ["operate", "admin"])
async def test_who_may_operate_has_nothing_to_unlock(scope: str) -> None:
    async with a_console(a_guarded_shop(scope)) as console:
        assert "只读" not in console.text
        await console.press("u")
        await console.shows("这里不用解锁")
        await console.press("2", "A", "Y")
        await console.shows("已确认")


async def test_a_core_that_does_not_say_who_asks_is_shown_all_the_same() -> None:
    core = a_guarded_shop()
    core.refuse = {"whoami": (404, "not_found")}
    async with a_console(core) as console:
        await console.shows("已连接")
        assert "只读" not in console.text


# -- unlocking -----------------------------------------------------------------------------------------------------------


async def test_a_pin_unlocks_it_and_what_is_done_is_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the token and by name."""
    monkeypatch.setenv("LOGNAME", "kiosk")
    hour = [1000.0]
    async with a_console(a_guarded_shop(), now=lambda: hour[0]) as console:
        await unlock(console)
        await console.shows("已解锁：李工", "李工 5:00")
        hour[0] += 61
        await console.news()
        await console.shows("李工 3:59")
        await console.press("2", "A")
        await console.shows("以 李工 的名义记录")
        await console.press("Y")
        await console.shows("已确认")
        assert console.sent[-1] == (ACKNOWLEDGED, {"by": "李工", "note": ""})
        assert console.core.by == ["operator:李工"]


async def test_the_operator_is_chosen_from_the_cores_list_and_the_pin_is_never_shown() -> None:
    async with a_console(a_guarded_shop("read", "王工", "李工")) as console:
        await console.press("u")
        await console.shows("1 王工", "2 李工")
        await console.press("2", "enter", *"40281")
        await console.shows("*****_")
        assert "4028" not in console.text
        await console.press("backspace", "１", "x", "7", "enter")
        await console.shows("已解锁：李工")
        assert console.sent == [("operator/unlock", {"operator": "李工", "pin": "402817"})]


async def test_full_width_digits_count_and_a_pin_has_its_bounds() -> None:
    core = a_guarded_shop()
    core.pins["李工"] = "123456789012"
    async with a_console(core) as console:
        await unlock(console, "12345")
        await console.shows("密码是 6 到 12 位数字；没有提交")
        assert core.written == []
        await console.press(*"１２３４５６７８９０１２３４", "enter")
        await console.shows("已解锁：李工")


async def test_a_wrong_pin_is_said_and_typed_anew() -> None:
    async with a_console(a_guarded_shop()) as console:
        await unlock(console, "111111")
        await console.shows("姓名或密码不对")
        assert "*" not in console.text.replace("(*)", "")
        await console.shows("已连接", "只读（u 解锁）")
        await console.press(*PIN, "enter")
        await console.shows("已解锁：李工")


async def test_after_too_many_the_wait_is_said() -> None:
    core = a_guarded_shop()
    core.wait_s = 240
    async with a_console(core) as console:
        await unlock(console)
        await console.shows("密码错得太多，4分后再试")


async def test_without_operators_it_says_how_to_make_one() -> None:
    core = a_guarded_shop()
    core.pins = {}
    async with a_console(core) as console:
        await console.press("u")
        await console.shows("cdg-core operator add")


async def test_a_lost_link_is_said() -> None:
    async with a_console(a_guarded_shop()) as console:
        await console.press("u")
        await console.shows("用密码解锁")
        console.meets(refused)
        await console.press(*PIN, "enter")
        await console.shows("没有做成：监控已停止")
        console.meets(None)
        await console.press(*PIN, "enter")
        await console.shows("已解锁：李工")


async def test_no_pin_stays_anywhere_in_the_console() -> None:
    """Neither in what a crash would be told with, nor in the box that was left."""
    async with a_console(a_guarded_shop()) as console:
        await console.press("u")
        await console.shows("用密码解锁")
        boxes = [console.app.screen, *console.app.screen.walk_children()]
        await console.press(*PIN)
        assert PIN in "".join(repr(vars(box)) for box in boxes)
        await console.press("escape")
        assert PIN not in "".join(repr(vars(box)) for box in boxes)
        assert console.core.written == []


async def test_keys_never_write_at_a_kiosk_but_to_try_a_pin() -> None:
    """Lower-case keys, digits and Enter, and capitals as well."""
    async with a_console(a_guarded_shop(), kiosk=True) as console:
        for key in (*"adlmpuwbzq", *string.ascii_uppercase, *(f"f{n}" for n in range(4, 10))):
            await console.type("escape", key, "enter", "Y")
        await console.news()
        assert set(posted(console.core)) <= {"operator/unlock"}


# -- locked again --------------------------------------------------------------------------------------------------------


async def locked_with_a_dialog_open(console: Console) -> None:
    """It refuses, and nothing was sent."""
    await console.shows("只读（u 解锁）", "确认报警")
    before = list(console.sent)
    await console.press("Y")
    await console.shows(READ_ONLY)
    assert console.sent == before


async def test_u_again_locks_it() -> None:
    async with a_console(a_guarded_shop()) as console:
        await unlock(console)
        await console.shows("已解锁")
        await console.press("u")
        await console.shows("已锁定，现在只读", "只读（u 解锁）")
        await console.until(lambda: not console.core.unlocked)
        await console.press("D")
        await console.shows(READ_ONLY)


async def test_the_time_ends_it_also_while_a_dialog_is_open() -> None:
    hour = [1000.0]
    async with a_console(a_guarded_shop(), now=lambda: hour[0]) as console:
        await unlock(console)
        await console.shows("李工 5:00")
        await console.press("2", "A")
        await console.shows("确认报警")
        for _ in range(3):
            hour[0] += 100
            await console.press("2")
        await console.news()
        await console.shows("解锁时间到")
        await locked_with_a_dialog_open(console)


async def test_two_minutes_without_a_key_end_it() -> None:
    """And not without news: a key now and then keeps it open."""
    hour = [1000.0]
    async with a_console(a_guarded_shop(), now=lambda: hour[0]) as console:
        await unlock(console)
        for key in ("2", "A"):
            hour[0] += IDLE_S / 2 + 1
            await console.news()
            await console.press(key)
        await console.shows("确认报警", "李工 2:")
        hour[0] += IDLE_S
        await console.news()
        await console.shows("两分钟没有操作")
        await locked_with_a_dialog_open(console)
        await console.until(lambda: not console.core.unlocked)


async def test_the_core_ends_it_and_the_link_is_none_the_worse() -> None:
    async with a_console(a_guarded_shop()) as console:
        await unlock(console)
        await console.shows("已解锁")
        console.core.unlocked.clear()
        await console.news()
        await console.shows("监控结束了解锁", "只读（u 解锁）", "已连接")
        assert "无权限" not in console.text
        await console.press("D")
        await console.shows(READ_ONLY)


async def test_after_the_unlock_a_client_may_look_and_is_told_once_that_it_may_only_look() -> None:
    core, told = a_guarded_shop(), list[str]()
    client = Client("http://localhost", transport=core)
    client.on_locked = lambda: told.append("locked")
    await client.unlock(Unlock(operator="李工", pin=PIN))
    assert (await client.whoami()).actor == "operator:李工"
    core.unlocked.clear()
    assert (await client.whoami()).actor == "uid:1000"
    await client.status()
    assert told == ["locked"]
    await client.unlock(Unlock(operator="李工", pin=PIN))
    core.unlocked.clear()
    with pytest.raises(RefusedError, match="operator_locked"):
        await client.acknowledge(a_case(1).case_id, Acknowledge(by="李工"))
    assert (told, core.by) == (["locked", "locked"], [])
    await client.close()


async def test_an_act_that_comes_too_late_is_refused_and_said() -> None:
    """Where the core ends the unlock between two rounds."""
    async with a_console(a_guarded_shop()) as console:
        await unlock(console)
        await console.press("2", "A")
        await console.shows("确认报警")
        console.core.unlocked.clear()
        await console.press("Y")
        await console.shows("只读（u 解锁）", "已连接")
        await console.until(lambda: ACKNOWLEDGED in posted(console.core) or READ_ONLY in console.text)
        assert console.core.by == []


async def test_what_one_operator_was_asked_no_other_one_confirms() -> None:
    async with a_console(a_guarded_shop("read", "李工", "王工")) as console:
        await console.press("u", "1", "enter", *PIN, "enter")
        await console.shows("已解锁：李工")
        await console.press("2", "A")
        await console.shows("以 李工 的名义记录")
        console.app.sentry.unlocked("王工", console.app.view().now_s + 300)
        await console.press("Y")
        await console.shows("操作员换过了，没有发送")
        assert console.core.by == []


# -- the kiosk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_no_key_leads_out_of_a_kiosk_but_to_its_lock_screen(key: str) -> None:
    """Which locks it, shows how the shop stands, and lets anybody look or unlock."""
    async with a_console(a_guarded_shop(), kiosk=True) as console:
        await unlock(console)
        await console.shows("已解锁")
        await console.press(key)
        await console.shows("已锁定", "u 用密码解锁   其他键只看", "SH-0412", "严重1", "已连接")
        assert not console.core.unlocked
        await console.press("ctrl+q", "x")
        await console.shows("[1 总览]", "只读（u 解锁）")
        await console.press("q", "u")
        await console.shows("用密码解锁")
        await console.press(*PIN, "enter")
        await console.shows("已解锁：李工", "[1 总览]")
        assert console.app.is_running


async def test_no_key_ends_it_in_any_box_either() -> None:
    async with a_console(a_guarded_shop("admin"), kiosk=True) as console:
        for before, key in product(("1", "1 enter", "u", "w", "q", "slash"), ("f10", "ctrl+q", "ctrl+c", "ctrl+d")):
            await console.type("escape", *before.split(), key)
        assert console.app.return_value is None
        await console.news()


async def test_an_idle_kiosk_shows_its_wallboard_and_forgets_a_half_typed_pin() -> None:
    hour = [1000.0]
    async with a_console(a_guarded_shop(), kiosk=True, now=lambda: hour[0]) as console:
        await console.press("u")
        await console.shows("用密码解锁")
        await console.press(*"4028")
        hour[0] += IDLE_S
        await console.shows("任意键返回")
        await console.press("x")
        await console.shows("[1 总览]", "只读（u 解锁）")
        assert "用密码解锁" not in console.text


def test_whoever_acts_is_asked_for_in_one_place() -> None:
    """A command that asked the system itself would name the kiosk's user where an operator has unlocked it."""
    folder = Path(__file__).parents[2] / "cdg_tui" / "commands"
    calls = [
        (path.name, call.lineno)
        for path in folder.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "who"
    ]
    assert [name for name, _ in calls] == ["asking.py"]


async def test_whoever_passes_by_changes_no_settings() -> None:
    async with a_console(a_guarded_shop("read", "li"), kiosk=True) as console:
        await console.press("f2")
        await console.shows("只读：按 u 用密码解锁")
        assert console.app.asks_nothing
