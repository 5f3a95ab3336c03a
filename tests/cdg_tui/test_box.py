"""What page 5 says of the box itself: all of it in the details, the worst first, and what there is room for above the list."""

from typing import Any

import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.box import BOX, LINES, box_block
from cdg_tui.screens.device import Device
from cdg_tui.screens.page import View
from cdg_tui.store import Link, LinkState, Snapshot, Store
from core import wire
from core.wire_endpoints import Endpoints
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.factories import at
from tests.cdg_tui.fake_core import FakeCore, a_status
from tests.cdg_tui.shops import a_shop

SOUND = a_status(FakeCore()).durability.journals["retries"]


def a_box(language: Language = "zh", **more: Any) -> View:
    core, store = a_shop(), Store()
    status = a_status(core, **{"network": "online", **more})
    endpoints = Endpoints(items=tuple(core.endpoints), network=status.network, network_since=at(-600))
    store.apply(Snapshot(asked_s=1000.0, took_s=0.0, status=status, endpoints=endpoints))
    return View(store=store, words=Words(language), now_s=1000.0)


def block(view: View, width: int = 80) -> str:
    return box_block(view, width).plain


def told(view: View) -> list[tuple[str, str]]:
    return Device().detail(view, BOX)


def durable(**more: Any) -> wire.DurabilityInfo:
    plain: dict[str, Any] = {
        "state": wire.Durability.DURABLE,
        "degraded": False,
        "archive_unacknowledged": 0,
        "journals": {"retries": SOUND, "cases": SOUND},
    }
    return wire.DurabilityInfo(**{**plain, **more})


def lacking(count: int) -> wire.RetrySummary:
    summary = FakeCore().summary()
    return structs.replace(summary, accounts=structs.replace(summary.accounts, unaccounted=count))


def monitoring(*sources: wire.SourceInfo, late_ms: float = 0.0) -> wire.MonitoringInfo:
    return wire.MonitoringInfo(beat=1, late_ms=late_ms, worst_late_ms=late_ms, sources=sources)


def a_source(name: str, state: Any = "ok", error: str | None = None) -> wire.SourceInfo:
    return wire.SourceInfo(id=name, driver="modbus", state=state, error=error, age_s=40.0, simulated=False)


TROUBLES: dict[str, dict[str, Any]] = {
    "!!重试队列 未落盘": {
        "durability": durable(journals={"retries": structs.replace(SOUND, state=wire.Durability.MEMORY_ONLY)})
    },
    "!重试队列 已落盘 日志有损坏": {"durability": durable(journals={"retries": structs.replace(SOUND, degraded=True)})},
    "!归档": {"durability": durable(archive_unacknowledged=2)},
    "!时钟未同步": {"clock_synced": False},
    "!外网：不通": {"network": "offline"},
    "!plc 失败 超时": {"monitoring": monitoring(a_source("plc", "failing", "timeout"))},
    "?plc 等待第一次读数": {"monitoring": monitoring(a_source("plc", "waiting"))},
    "!判断迟 2500 毫秒": {"monitoring": monitoring(late_ms=2500.0)},
    "!磁盘剩余 1.0G/29.0G 3%": {"durability": durable(disk_bytes=29_000_000_000, free_bytes=1_000_000_000)},
}


@pytest.mark.parametrize("said", TROUBLES)
def test_what_is_wrong_stands_first_with_its_mark_and_word(said: str) -> None:
    view = a_box(**TROUBLES[said])
    assert block(view).replace("  ", " ").startswith(said)
    assert told(view)[0][0].startswith(said[0])
    row = Device().rows(view)[-1]
    assert row.cells[0].startswith(said[0])
    assert row.cells[0].endswith("有问题")


def test_a_box_that_is_well_has_no_mark_and_says_so() -> None:
    view = a_box(durability=durable(disk_bytes=29_000_000_000, free_bytes=12_300_000_000), clock_synced=True)
    assert "!" not in block(view)
    assert Device().rows(view)[-1].cells[:2] == ("  正常", "本机")
    for part in ("时钟已同步", "磁盘剩余 12.3G/29.0G 42%", "外网：通", "0.1.0"):
        assert part in block(view)


def test_a_core_that_does_not_know_its_disk_is_not_said_to_have_one() -> None:
    assert "磁盘剩余 --" in block(a_box())


def test_the_details_tell_each_problem_in_full_with_since_when() -> None:
    problems = (
        wire.Problem(code="audit_troubled", since=at(-3600), text="line 17 was altered"),
        wire.Problem(code="of_a_later_version", since=at(-60), text="something new"),
    )
    lines = [text for label, text in told(a_box(problems=problems)) if label.endswith("问题")]
    assert len(lines) == 2
    assert "（11:00:03 起）" in lines[0]
    assert lines[0].endswith("  监控原话：line 17 was altered")
    assert lines[1].endswith("  监控原话：something new")


# Where the core gives more than its code, what tells the same in the console's own words, and in which line.
TWICE: dict[str, tuple[dict[str, Any], str]] = {
    "retries_not_durable": (
        {"durability": durable(journals={"retries": structs.replace(SOUND, state=wire.Durability.MEMORY_ONLY)})},
        "!!重试队列",
    ),
    "cases_degraded": (
        {"durability": durable(journals={"cases": structs.replace(SOUND, degraded=True)})},
        "! 报警事件",
    ),
    "archive_degraded": ({"durability": durable(archive_unacknowledged=2)}, "! 损坏"),
    "deliveries_unaccounted": ({"webhooks": lacking(3)}, "!!推送账目"),
    "network_offline": ({"network": "offline"}, "! 外网"),
    "network_captive_portal": ({"network": "captive_portal"}, "! 外网"),
    "network_clock_bad": ({"network": "clock_bad"}, "! 外网"),
}


@pytest.mark.parametrize("code", TWICE)
def test_a_problem_is_told_once_in_the_line_of_what_it_is_about(code: str) -> None:
    more, label = TWICE[code]
    problem = wire.Problem(code=code, since=at(-3600), text="an English sentence")
    view = a_box(problems=(problem,), **more)
    sentence = f"{view.words.of('problem', code)}（11:00:03 起）"
    assert [where for where, text in told(view) if sentence in text] == [label]
    assert not [where for where, text in told(view) if where.endswith("问题") or "English" in text]


@pytest.mark.parametrize("code", ["retries_not_durable", "cases_degraded", "archive_degraded"])
def test_a_problem_without_a_line_of_its_own_is_told_all_the_same(code: str) -> None:
    view = a_box(problems=(wire.Problem(code=code, since=at(-3600), text=""),), durability=durable(journals={}))
    assert ("! 问题", f"{view.words.of('problem', code)}（11:00:03 起）") in told(view)


@pytest.mark.parametrize(
    ("code", "names"), [("endpoint_paused", "大区"), ("endpoint_disabled", "旧系统"), ("endpoint_failing", "总部")]
)
def test_which_endpoints_are_held_is_said_by_their_names(code: str, names: str) -> None:
    view = a_box(problems=(wire.Problem(code=code, since=at(-3600), text=f"an English sentence: {names}"),))
    assert ("! 问题", f"{view.words.of('problem', code)}（11:00:03 起）  {names}") in told(view)


def test_why_a_log_can_not_be_written_is_called_the_cores_own_words() -> None:
    health = structs.replace(SOUND, state=wire.Durability.MEMORY_ONLY, reason="No space left on device")
    lines = dict(told(a_box(durability=durable(journals={"retries": health}))))
    assert "  监控原话：No space left on device  " in lines["!!重试队列"]


def test_the_details_tell_of_each_journal_each_source_and_every_delivery() -> None:
    view = a_box(durability=durable(), monitoring=monitoring(a_source("plc"), a_source("door")))
    lines = dict(told(view))
    assert {"  重试队列", "  报警事件", "  判断", "  磁盘", "  版本"} <= lines.keys()
    assert "最近 1.0 最慢 2.0 毫秒  1.0k字节" in lines["  重试队列"]
    assert lines["  推送账目"] == "已收 4 = 已送达 0 + 待发 2 + 死信 2 + 作废或被更新的代替 0 + 去向不明 0"
    assert [text.split()[0] for label, text in told(view) if label == "  探头来源"] == ["plc", "door"]
    assert "探头来源正常 2" in block(view)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [80, 120])
def test_the_block_is_never_higher_or_wider_than_its_room_and_cuts_nothing_through(
    width: int, language: Language
) -> None:
    sources = tuple(a_source(f"source-{n}", "failing", "timeout") for n in range(40))
    lines = block(a_box(language, monitoring=monitoring(*sources)), width).split("\n")
    assert len(lines) == LINES
    assert max(map(cell_len, lines)) <= width
    assert all(line.startswith("!") for line in lines)


@pytest.mark.parametrize(("link", "up"), [(None, "0.1.0  运行 9分"), (LinkState.LOST, "0.1.0")])
def test_how_long_the_core_is_up_counts_on_only_while_it_answers(link: LinkState | None, up: str) -> None:
    view = a_box(uptime_s=539.0, clock_synced=True)
    later = View(store=view.store, words=view.words, now_s=view.now_s + 2.0)
    if link is not None:
        view.store.link = Link(state=link)
    assert ("运行 9分" in block(later)) is (link is None)
    assert "运行 --" not in block(later)
    assert [text for label, text in told(later) if label.endswith("版本")] == [up]


def test_nothing_of_it_shines_while_nobody_answers() -> None:
    view = a_box(clock_synced=False)
    view.store.link = Link(state=LinkState.LOST)
    assert {str(span.style) for span in box_block(view, 80).spans} == {"dim"}


@pytest.mark.anyio
@pytest.mark.requirement(12)
async def test_page_5_has_room_for_the_box_its_endpoints_and_their_details() -> None:
    core = a_shop()
    core.status_changes |= {"clock_synced": False}
    async with a_console(core) as console:
        await console.press("5")
        await console.shows("!时钟未同步", "旧系统", "备用", "本机", "状态      已停用", "[5 设备]", "已连接")
        await console.press("G", "enter")
        await console.until(lambda: "推送账目" in console.read)
