"""What the console knows of its core: how news changes it, and how it grows old."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from cdg_tui.store import (
    SLOW_S,
    STALE_S,
    TREND_FIRST_S,
    TREND_LONGEST_S,
    TREND_POINTS,
    Link,
    LinkState,
    Snapshot,
    Store,
    Trend,
)
from core import wire
from core.wire_endpoints import Endpoints
from tests.cdg_tui.factories import NOW, a_cabinet, a_case, a_dead_letter, a_reading, a_retry, an_endpoint
from tests.cdg_tui.fake_core import FakeCore, a_status

ASKED_S = 1000.0


def a_page(*items: wire.RetryItem, full: bool = False, **more: Any) -> wire.Retries:
    plain: dict[str, Any] = {
        "items": items,
        "next": None,
        "full": full,
        "epoch": "e1",
        "seq": max((item.seq for item in items), default=0),
        "server_time": NOW,
        "clock_synced": True,
        "summary": FakeCore().summary(),
        "sending": (),
    }
    return wire.Retries(**{**plain, **more})


def news(*pages: wire.Retries, **more: Any) -> Snapshot:
    plain: dict[str, Any] = {"asked_s": ASKED_S, "took_s": 0.01, "status": a_status(FakeCore()), "retries": pages}
    return Snapshot(**{**plain, **more})


def a_store(*items: wire.RetryItem) -> Store:
    """One that has heard the whole list."""
    store = Store()
    store.apply(news(a_page(*items, full=True)))
    return store


def ids(store: Store) -> set[str]:
    return set(store.retries)


# -- the deliveries ----------------------------------------------------------------------------------------------------


def test_news_changes_what_it_names_and_nothing_else() -> None:
    store = a_store(a_retry(1), a_retry(2), a_dead_letter(3))
    store.apply(news(a_page(a_retry(1, attempts=7), a_retry(4))))
    assert {one.item.delivery_id[-1]: one.item.attempts for one in store.retries.values()} == {
        "1": 7,
        "2": 2,
        "3": 5,
        "4": 2,
    }


@pytest.mark.parametrize("status", ["delivered", "cancelled", "something_new"])
def test_what_neither_waits_nor_is_dead_leaves(status: str) -> None:
    store = a_store(a_retry(1), a_retry(2))
    store.apply(news(a_page(a_retry(1, status=status), a_retry(9, status=status))))
    assert ids(store) == {a_retry(2).delivery_id}


def test_a_delivery_that_is_given_up_changes_lists() -> None:
    store = a_store(a_retry(1))
    store.apply(news(a_page(structs.replace(a_dead_letter(2), delivery_id=a_retry(1).delivery_id))))
    assert not list(store.of_status("pending"))
    assert [one.item.delivery_id for one in store.of_status("dead_letter")] == [a_retry(1).delivery_id]


def test_the_whole_list_in_its_pages_takes_the_place_of_all_there_was() -> None:
    store = a_store(a_retry(1), a_retry(2))
    store.apply(news(a_page(a_retry(3), full=True), a_page(a_retry(4), full=True)))
    assert ids(store) == {a_retry(3).delivery_id, a_retry(4).delivery_id}


def test_changes_that_turn_into_the_whole_list_do_too() -> None:
    """The core forgot, between two pages, what had left since the first."""
    store = a_store(a_retry(1), a_retry(2))
    store.apply(news(a_page(a_retry(1)), a_page(a_retry(3), full=True), a_page(a_retry(4), full=True)))
    assert ids(store) == {a_retry(3).delivery_id, a_retry(4).delivery_id}


def test_a_round_that_asked_for_no_lists_changes_none() -> None:
    store = a_store(a_retry(1))
    store.apply(news(cabinets=wire.Cabinets(items=(a_cabinet(),)), cases=(a_case(),)))
    store.apply(news())
    assert (len(store.cabinets), len(store.cases), len(store.retries)) == (1, 1, 1)


def test_endpoints_stay_known_where_nobody_asks_and_are_forgotten_where_the_core_won_t_tell() -> None:
    told = Endpoints(items=(an_endpoint(),), network="online", network_since=NOW)
    store = Store()
    store.apply(news(endpoints=told))
    assert (store.endpoint("总部"), store.endpoint("x"), store.endpoints_s) == (an_endpoint(), None, ASKED_S)
    store.apply(news(asked_s=ASKED_S + 1))
    assert (store.endpoints, store.endpoints_s) == (told, ASKED_S)
    store.apply(news(asked_s=ASKED_S + 2, untold="not_found"))
    assert (store.endpoints, store.untold, store.endpoint("总部")) == (None, "not_found", None)
    store.apply(news(asked_s=ASKED_S + 3, endpoints=told))
    assert (store.endpoints, store.untold) == (told, None)


def test_what_is_being_sent_is_what_the_last_page_says() -> None:
    store = a_store(a_retry(1))
    store.apply(news(a_page(sending=("a",)), a_page(sending=("b",), epoch="e2", seq=9)))
    assert store.sending == frozenset({"b"})


# -- when they are due -------------------------------------------------------------------------------------------------


def test_a_due_time_comes_by_steady_seconds_whatever_the_wall_clocks_say() -> None:
    store = a_store(a_retry(1, next_attempt_in_s=30.0, next_attempt_at=datetime(1970, 1, 1, tzinfo=UTC)))
    [one] = store.of_status("pending")
    waits = [store.wait_s(one, ASKED_S + later_s) for later_s in (0.0, 12.5, 30.0, 3000.0)]
    assert waits == [30.0, 17.5, 0.0, 0.0]


def test_who_waits_for_an_earlier_one_is_due_when_that_is_gone() -> None:
    """No news names the one behind: it has not changed."""
    store = a_store(a_retry(1), a_retry(2, waits_for=a_retry(1).delivery_id, next_attempt_in_s=None))
    behind = store.retries[a_retry(2).delivery_id]
    assert store.wait_s(behind, ASKED_S) is None
    store.apply(news(a_page(a_retry(1, status="delivered"))))
    assert store.wait_s(behind, ASKED_S) == 0.0


def test_a_delivery_without_an_endpoint_is_never_due() -> None:
    store = a_store(a_retry(1, next_attempt_in_s=None))
    [one] = store.of_status("pending")
    assert store.wait_s(one, ASKED_S + 1e6) is None


# -- how old it is -----------------------------------------------------------------------------------------------------


def test_nothing_is_live_before_the_first_answer() -> None:
    assert (Store().state(0.0), Store().live(0.0), Store().age_s(0.0)) == (LinkState.CONNECTING, False, None)


def test_an_answer_is_as_old_as_its_question_and_goes_stale() -> None:
    store = a_store()
    assert (store.age_s(ASKED_S + 2), store.live(ASKED_S + STALE_S)) == (2.0, True)
    assert store.state(ASKED_S + STALE_S + 0.1) is LinkState.STALE
    assert not store.live(ASKED_S + STALE_S + 0.1)


def test_a_slow_answer_is_called_slow_and_is_live_all_the_same() -> None:
    store = Store()
    store.apply(news(took_s=SLOW_S + 0.1))
    assert (store.state(ASKED_S), store.live(ASKED_S)) == (LinkState.SLOW, True)


@pytest.mark.parametrize("state", [LinkState.LOST, LinkState.DENIED, LinkState.ALIEN])
def test_a_link_that_is_lost_stays_what_it_is_until_news_comes(state: LinkState) -> None:
    store = a_store()
    store.link = Link(state=state, cause="timeout", tries=3)
    assert (store.state(ASKED_S), store.live(ASKED_S)) == (state, False)
    assert store.state(ASKED_S + 100) is state
    store.apply(news(asked_s=ASKED_S + 100))
    assert store.link == Link(state=LinkState.LIVE)


# -- trends ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.none() | st.integers(-30, 30)), min_size=1, max_size=400))
def test_a_trend_is_a_row_of_equal_steps_in_which_gaps_stay_gaps(samples: list[tuple[int, int | None]]) -> None:
    """At most TREND_POINTS steps; each lies between what was measured in it, and is a gap where nothing was."""
    trend, now_s = Trend(), 0
    measured: list[tuple[int, int | None]] = []
    for wait_s, value in samples:
        measured.append((now_s, value))
        trend.add(None if value is None else float(value), float(now_s))
        now_s += wait_s
    shown, last = trend.shown, measured[-1][0] // int(trend.step_s)
    assert 1 <= len(shown) <= TREND_POINTS
    assert trend.step_s in {TREND_FIRST_S * 2**n for n in range(5)}
    for back, point in enumerate(reversed(shown)):
        there = [v for at, v in measured if at // int(trend.step_s) == last - back and v is not None]
        assert (point is None) == (not there)
        assert point is None or min(there) - 1e-9 <= point <= max(there) + 1e-9


def test_a_full_row_doubles_its_steps_until_an_hour_fits() -> None:
    trend = Trend()
    spans = set()
    for second in range(3 * 3600):
        trend.add(second / 60, float(second))
        spans.add(trend.step_s * TREND_POINTS)
        assert len(trend.shown) <= TREND_POINTS
    assert spans == {240.0, 480.0, 960.0, 1920.0, 3840.0}
    assert trend.step_s == TREND_LONGEST_S
    assert trend.shown[-2] == pytest.approx((10640 + 10719) / 2 / 60)


def test_the_time_without_a_link_is_a_gap() -> None:
    trend = Trend()
    for second in (0.0, 1.0, 21.0):
        trend.add(4.0, second)
    assert trend.shown == [4.0, None, None, None, 4.0]


def test_a_sensor_that_is_gone_takes_its_trend_along() -> None:
    store = Store()
    for name in ("01.air", "02.air"):
        store.apply(news(cabinets=wire.Cabinets(items=(a_cabinet("01", "x", a_reading(name)),))))
    assert store.trends.keys() == {"02.air"}
