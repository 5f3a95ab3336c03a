"""What page 5 makes of endpoints, and what the other pages say of them: how each stands, in words, and never more than is known."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from rich.cells import cell_len

from cdg_tui.i18n import LANGUAGES, Language, Words, texts
from cdg_tui.screens.box import BOX, box_block
from cdg_tui.screens.dead import Dead
from cdg_tui.screens.detail import LABEL
from cdg_tui.screens.device import Device
from cdg_tui.screens.page import Asked, View
from cdg_tui.screens.retries import Retries
from cdg_tui.store import Link, LinkState, Snapshot, Store
from core import wire
from core.wire_endpoints import EndpointItem, Endpoints
from tests.cdg_tui.factories import a_dead_letter, a_retry, an_attempt, an_endpoint, at
from tests.cdg_tui.fake_core import FakeCore, a_status
from tests.cdg_tui.listings import listed_by

ASKED_S = 1000.0
LOST = Link(state=LinkState.LOST)


def a_view(
    *endpoints: EndpointItem,
    language: Language = "zh",
    later_s: float = 0.0,
    link: Link | None = None,
    retries: tuple[wire.RetryItem, ...] = (),
    sending: tuple[str, ...] = (),
    network: str = "online",
) -> View:
    store, core = Store(), FakeCore()
    core.retries, core.sending = list(retries), sending
    store.apply(
        Snapshot(
            asked_s=ASKED_S,
            took_s=0.0,
            status=a_status(core, network=network),
            listed=listed_by(core, Dead() if core.summary().dead_letter else Retries(), ASKED_S),
            endpoints=Endpoints(items=endpoints, network=network, network_since=at(-600)),
        )
    )
    if link is not None:
        store.link = link
    return View(store=store, words=Words(language), now_s=ASKED_S + later_s)


def cells(*endpoints: EndpointItem, **more: Any) -> tuple[str, ...]:
    [row, _] = Device().rows(a_view(*endpoints, **more))
    return row.cells


def details(endpoint: EndpointItem, **more: Any) -> dict[str, str]:
    return dict(Device().detail(a_view(endpoint, **more), endpoint.id))


def test_endpoints_stand_worst_first() -> None:
    """What somebody must do something about, then what is held, then what fails, then the rest; each by its name."""
    view = a_view(
        an_endpoint("well"),
        an_endpoint("fails", failures=1),
        an_endpoint("held", hold="offline"),
        an_endpoint("paused", state="paused", hold="paused"),
        an_endpoint("open", state="open", hold="open"),
        an_endpoint("missing", state="missing"),
        an_endpoint("disabled", state="disabled", hold="disabled"),
        an_endpoint("also well"),
    )
    order = ["disabled", "missing", "open", "paused", "held", "fails", "also well", "well"]
    assert [row.key for row in Device().rows(view)] == [*order, BOX]


@pytest.mark.parametrize(
    ("more", "state", "holdup"),
    [
        ({}, "  启用", ""),
        ({"hold": "offline"}, "  启用", "外网不通"),
        ({"hold": "rate_limit", "held_s": 12.0}, "  启用", "限速 12秒"),
        ({"hold": "retry_after", "held_s": 600.0}, "  启用", "对方要等 10分"),
        ({"state": "open", "hold": "open", "held_s": 42.0}, "! 受阻", "只发探测 42秒"),
        ({"state": "paused", "hold": "paused"}, "- 已暂停", "已暂停"),
        ({"state": "disabled", "hold": "disabled"}, "!!已停用", "已停用"),
        ({"hold": "of_a_later_version", "held_s": 3.0}, "  启用", "of_a_later_version 3秒"),
    ],
)
def test_a_row_says_how_it_stands_and_what_holds_it_for_how_long(more: dict[str, Any], state: str, holdup: str) -> None:
    shown = cells(an_endpoint(**more))
    assert (shown[0], shown[3]) == (state, holdup)


def test_a_hold_runs_out_while_the_console_looks() -> None:
    held = an_endpoint(hold="rate_limit", held_s=12.0)
    assert [cells(held, later_s=later_s)[3] for later_s in (0.0, 4.0)] == ["限速 12秒", "限速 8秒"]


def test_no_hold_is_told_to_last_while_nobody_answers() -> None:
    held = an_endpoint(state="open", hold="open", held_s=12.0)
    assert cells(held, link=LOST)[3] == "只发探测"
    assert "还有 12秒" in details(held)["为何不发"]
    assert "还有" not in details(held, link=LOST)["为何不发"]


def test_nor_while_the_endpoints_themselves_were_not_asked_for() -> None:
    """Somebody was on another page: all else is of now, they are not."""
    view = a_view(an_endpoint(state="open", hold="open", held_s=12.0))
    view.store.apply(Snapshot(asked_s=ASKED_S + 3, took_s=0.0, status=a_status(FakeCore())))
    [row, _] = Device().rows(View(store=view.store, words=view.words, now_s=ASKED_S + 3))
    assert row.cells[3] == "只发探测"


def test_the_counts_are_those_of_the_core() -> None:
    shown = cells(an_endpoint(pending=7, dead_letter=3, failed={"dns": 4, "http_5xx": 2}, delivered=99))
    assert shown[4:7] == ("7", "3", "6/99")


def test_the_details_of_a_failing_endpoint_say_since_when_why_and_what_to_do() -> None:
    lines = details(
        an_endpoint(
            state="open",
            hold="open",
            since=at(-1800),
            failures=7,
            last_error_class="dns",
            last_error="no such host",
            failed={"http_5xx": 3, "dns": 6, "tls": 0},
            delivered=12,
            oldest_pending_age_s=7300.0,
            rate_per_min=18,
            fallback_for=("总部", "大区"),
            skew_s=-3.0,
        )
    )
    assert lines == {
        "状态": "受阻（11:30:03 起）",
        "为何不发": "连续失败，只发探测；有一次送到就恢复",
        "最近错误": "域名解析失败  no such host  连续失败 7 次",
        "建议": texts("zh")["hint.dns"],
        "队列": "待发 2（到期 0，发送中 0）  死信 1  最久 2时",
        "启动以来": "送达 12  失败 9: 域名解析失败 6, 对方出错 3",
        "外网": "通（11:50:03 起）",
        "限速": "每分钟最多 18 条",
        "替谁备用": "总部, 大区",
        "时钟差": "对方比本机慢 3秒",
        "推送地址": "总部  standard  hq.example.com",
    }


@pytest.mark.parametrize(
    ("skew_s", "told"),
    [(0.0, "一致"), (-0.9, "一致"), (0.9, "一致"), (1.0, "对方比本机快 1秒"), (-1.5, "对方比本机慢 1秒")],
)
def test_a_clock_that_differs_by_less_than_a_second_is_the_same(skew_s: float, told: str) -> None:
    assert details(an_endpoint(skew_s=skew_s))["时钟差"] == told


@pytest.mark.parametrize("turned", [False, True])
def test_the_heading_says_that_the_box_itself_stands_last(turned: bool) -> None:
    view = replace(a_view(an_endpoint()), asked=Asked(turned=turned))
    assert "本机在末" in Device().order(view)
    assert Device().rows(view)[-1].key == BOX


def test_the_details_of_a_paused_endpoint_say_by_whom_and_why() -> None:
    lines = details(an_endpoint(state="paused", hold="paused", since=at(-60), actor="li (uid:0)", reason="检修"))
    assert lines["状态"] == "已暂停（11:59:03 起）  li (uid:0)  检修"
    assert "等人恢复" in lines["为何不发"]


@pytest.mark.parametrize("last", ["http_4xx", None])
@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_no_longer_wants_webhooks_is_to_be_asked_before_they_go_on(
    language: Language, last: str | None
) -> None:
    """Not sent to look at address and secret, which a 410 has nothing against; also where the core was started since."""
    gone = an_endpoint(state="disabled", hold="disabled", last_error_class=last)
    words = Words(language)
    assert details(gone, language=language)[words("column.hint")] == words("detail.disabled", resume="U")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_hint_takes_an_endpoint_for_headquarters(language: Language) -> None:
    said = texts(language)
    told = [text for key, text in said.items() if key.partition(".")[0] in {"hint", "problem", "meaning", "cause"}]
    assert not [text for text in told if "总部" in text or "headquarters" in text.lower()]


def test_an_endpoint_that_is_well_has_no_trouble_to_tell() -> None:
    assert details(an_endpoint()).keys() == {"状态", "队列", "启动以来", "外网", "推送地址"}


@pytest.mark.parametrize("network", ["unknown", "online", "offline", "captive_portal", "clock_bad"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_above_the_list_it_is_said_how_the_box_s_own_network_is(language: Language, network: str) -> None:
    view = a_view(language=language, network=network)
    block = box_block(view, 80).plain
    assert view.words.of("network", network) in block
    assert ("11:50:03" in block) == (network != "unknown")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_for_the_network_is_one_for_the_link_to_the_core(language: Language) -> None:
    """They are read on the same screen: one may be lost while the other is live."""
    said = texts(language)
    links = {text for key, text in said.items() if key.startswith("link.")} | {"断开", "离线"}
    of_network = [text for key, text in said.items() if key.partition(".")[0] in {"network", "uplink", "holdup"}]
    assert not [text for text in of_network if any(link in text for link in links)]


def test_where_there_is_no_endpoint_to_see_it_is_said_what_that_means() -> None:
    assert "!没有推送地址：报警只留在本机" in box_block(a_view(), 80).plain
    fresh = Store()
    assert Device().empty(View(store=fresh, words=Words("zh"), now_s=0.0)) == "正在读推送地址……"
    fresh.apply(Snapshot(asked_s=1.0, took_s=0.0, status=a_status(FakeCore()), untold="not_found"))
    untold = "!读不到推送地址：没有这个接口，可能版本不同"
    assert untold in box_block(View(store=fresh, words=Words("zh"), now_s=1.0), 80).plain


# -- what deliveries say of their endpoint -----------------------------------------------------------------------------


def line_of(view: View, delivery: wire.RetryItem) -> str:
    page = Retries() if delivery.status == "pending" else Dead()
    return dict(page.detail(view, delivery.delivery_id))["推送地址"]


@pytest.mark.parametrize("delivery", [a_retry(1), a_dead_letter(2)], ids=["pending", "dead"])
def test_a_delivery_says_what_holds_its_endpoint(delivery: wire.RetryItem) -> None:
    held = an_endpoint(state="open", hold="open", held_s=42.0)
    paused = an_endpoint(state="paused", hold="paused", since=at(-60), actor="li", reason="检修")
    for endpoint, told in (
        (held, "总部  hq.example.com  只发探测 42秒"),
        (paused, "总部  hq.example.com  已暂停（11:59:03 起）  li  检修"),
        (an_endpoint(), "总部  hq.example.com"),
    ):
        assert line_of(a_view(endpoint, retries=(delivery,)), delivery) == told


def test_where_only_the_delivery_is_known_it_says_what_the_core_said_with_it() -> None:
    info = structs.replace(a_retry().endpoint, state="paused")
    delivery = a_retry(1, endpoint=info)
    assert line_of(a_view(retries=(delivery,)), delivery) == "总部  hq.example.com  已暂停"


@pytest.mark.parametrize(("hold", "state"), [("paused", "- 停发"), ("disabled", "- 停发"), ("offline", "* 到期")])
def test_a_delivery_to_an_endpoint_that_waits_for_a_person_is_not_called_due(hold: str, state: str) -> None:
    view = a_view(an_endpoint(hold=hold), retries=(a_retry(1, next_attempt_in_s=0.0),))
    assert Retries().rows(view)[0].cells[0] == state


@pytest.mark.parametrize(
    ("endpoint", "more", "told"),
    [
        ({}, {}, "11:59:33 已到期，马上就发"),
        ({"hold": "retry_after", "held_s": 42.0}, {}, "11:59:33 已到期；对方要等 42秒"),
        ({"hold": "offline"}, {}, "11:59:33 已到期；外网不通"),
        ({"hold": "paused"}, {}, "已暂停，恢复以后才发"),
        (
            {"hold": "open", "held_s": 42.0},
            {"next_attempt_in_s": 60.0, "next_attempt_at": at(60)},
            "12:01:03（还有 60秒）",
        ),
        ({}, {"next_attempt_in_s": None, "waits_for": "dlv_9"}, "等同一事件的前一条 dlv_9"),
        ({}, {"next_attempt_in_s": None}, "推送地址已不在配置里"),
    ],
)
def test_a_delivery_says_why_it_has_not_gone_yet(endpoint: dict[str, Any], more: dict[str, Any], told: str) -> None:
    due = {"next_attempt_in_s": 0.0, "next_attempt_at": at(-30)}
    view = a_view(an_endpoint(**endpoint), retries=(a_retry(1, **{**due, **more}),))
    assert dict(Retries().detail(view, a_retry(1).delivery_id))["下次重试"] == told


def test_while_nobody_answers_no_wait_grows_shorter() -> None:
    view = a_view(an_endpoint(), retries=(a_retry(1),), later_s=3.0, link=LOST)
    assert dict(Retries().detail(view, a_retry(1).delivery_id))["下次重试"] == "12:00:13"


@pytest.mark.parametrize(
    ("failed", "delivered", "told"),
    [(1, 120, "1/120"), (1234, 9999, "1234/9999"), (12_345, 98_765, "12k/98k"), (12_345_678, 4, "12M/4")],
)
def test_a_count_that_is_too_long_is_told_in_thousands_and_never_cut(failed: int, delivered: int, told: str) -> None:
    view = a_view(an_endpoint(failed={"http_5xx": failed}, delivered=delivered))
    assert Device().rows(view)[0].cells[6] == told


def test_one_that_is_being_sent_is_called_so_all_the_same() -> None:
    view = a_view(an_endpoint(hold="paused"), retries=(a_retry(1),), sending=(a_retry(1).delivery_id,))
    assert Retries().rows(view)[0].cells[0] == "> 发送中"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_details_of_a_delivery_hold_a_hint_for_its_error(language: Language) -> None:
    words = Words(language)
    for error_class in ("dns", "captive_portal", "http_4xx"):
        delivery = a_retry(1, last_attempt=an_attempt(error_class=error_class))
        lines = dict(Retries().detail(a_view(language=language, retries=(delivery,)), delivery.delivery_id))
        assert lines[words("column.hint")] == words.of("hint", error_class)
    for last in (None, an_attempt(error_class="of_a_later_version")):
        delivery = a_retry(1, last_attempt=last)
        lines = dict(Retries().detail(a_view(language=language, retries=(delivery,)), delivery.delivery_id))
        assert words("column.hint") not in lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hint_fits_into_a_line_of_its_box(language: Language) -> None:
    """72 cells are within the box of the details, the longest label of an endpoint or a delivery and two blanks before it."""
    said = texts(language)
    said["hint.disabled"] = said["detail.disabled"].format(resume="U")
    labels = ("state", "holdup", "error", "hint", "queue", "counts", "network", "rate", "fallback", "skew", "endpoint")
    label = max(min(cell_len(said[f"column.{name}"]), LABEL) for name in labels)
    long = {key: text for key, text in said.items() if key.startswith("hint.") and cell_len(text) > 72 - label - 2}
    assert long == {}


@pytest.mark.parametrize(
    ("language", "told"), [("zh", "1234 次，其中 2 次计入上限；"), ("en", "1234, of which 2 towards the limit; ")]
)
def test_how_many_tries_count_is_not_read_as_how_many_there_may_be(language: Language, told: str) -> None:
    delivery = a_retry(1, attempts=1234, auto_attempts=2)
    view = a_view(language=language, retries=(delivery,))
    assert dict(Retries().detail(view, delivery.delivery_id))[view.words("column.attempts")].startswith(told)
