"""The console's details over a real core: a course is read from its history and drawn."""

from collections.abc import Callable

import httpx
import pytest

from cdg_tui.app import ConsoleApp
from cdg_tui.i18n import Words
from core.places import SOCKET
from tests.cdg_tui.consoles import Console, SeamSession
from tests.cdg_tui.fake_core import FakeCore
from tests.e2e.conftest import Core, core, processes, wait_until
from tests.e2e.shops import FAST

__all__ = ["core", "processes"]

pytestmark = pytest.mark.anyio

SHOP = (
    FAST
    + """
[[sensors]]
id = "01.door"
cabinet = "01"
source = "sim"
quantity = "door"
point = "chiller"
"""
)


async def test_a_course_is_read_from_the_core_and_drawn(core: Callable[..., Core]) -> None:
    box = core(SHOP)
    box.start()
    wait_until(lambda: box.get("readings")["items"][0]["value"] is not None, "the sensors are read")
    assert box.stop() == 0  # what was measured is in the file now
    box.start()
    transport = httpx.AsyncHTTPTransport(uds=str(box.data / SOCKET))
    app = ConsoleApp(SeamSession(transport=transport), Words("zh"))
    async with app.run_test(size=(80, 24)) as pilot:
        console = Console(app, pilot, FakeCore())
        await console.until(lambda: app.store.heard_s is not None)
        await console.press("enter")
        await console.until(lambda: "01.air 从" in console.read, seconds=10.0)
        for told in ("● 平均", "柜门│", "限内", "平均动力学温度", "EN ISO 23953-2", "货品；探头量的是空气"):
            assert told in console.read
