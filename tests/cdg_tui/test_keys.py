"""Each key does what the help says of it, on a running app over a fake core."""

import pytest

from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.fake_core import FakeCore, a_case, a_dead_letter, a_retry

pytestmark = pytest.mark.anyio


def a_busy_core() -> FakeCore:
    core = FakeCore()
    core.cases = [a_case(1), a_case(2, cabinet="04", cabinet_name="熟食柜", severity="warning")]
    core.changed(a_retry(1), a_retry(2), a_dead_letter())
    return core


async def test_digits_turn_to_the_pages() -> None:
    async with a_console(a_busy_core()) as console:
        for key, page in (("2", "[2 报警"), ("3", "[3 重试"), ("4", "[4 死信"), ("1", "[1 总览]")):
            await console.press(key)
            await console.shows(page)


async def test_a_yes_drains_what_the_preview_showed() -> None:
    async with a_console(a_busy_core()) as console:
        await console.press("3", "D")
        await console.shows("将立刻发送 2 条")
        console.core.changed(a_retry(3))
        await console.press("Y")
        await console.shows("完成 2/2")
        assert [body["delivery_ids"] for path, body in console.core.written if not body["dry_run"]] == [
            [a_retry(1).delivery_id, a_retry(2).delivery_id]
        ]
