"""What the console knows of its core: how news changes it, and how it grows old."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdg_tui.store import (
    SLOW_S,
    STALE_S,
    TREND_FIRST_S,
    TREND_LONGEST_S,
    TREND_POINTS,
    Link,
    LinkState,
    Listed,
    Question,
    Retry,
    Snapshot,
    Store,
    Trend,
)
from core import wire
from core.wire_endpoints import Endpoints
from tests.cdg_tui.factories import NOW, a_cabinet, a_case, a_reading, a_retry, an_endpoint
from tests.cdg_tui.fake_core import FakeCore, a_status

ASKED_S = 1000.0


def news(*items: wire.RetryItem, **more: Any) -> Snapshot:
    listed = Listed(
        question=Question(status="pending"),
        items=tuple(Retry(item=item, due_s=None) for item in items),
        offset=0,
        total=len(items),
        all=len(items),
        gone=False,
        sending=frozenset({"a"}),
    )
    plain: dict[str, Any] = {"asked_s": ASKED_S, "took_s": 0.01, "status": a_status(FakeCore()), "listed": listed}
    return Snapshot(**{**plain, **more})


def a_store(*items: wire.RetryItem) -> Store:
    """One that has heard of these."""
    store = Store()
    store.apply(news(*items))
    return store


# -- the deliveries ----------------------------------------------------------------------------------------------------


def test_what_was_asked_for_is_known_by_its_id_and_nothing_else_is() -> None:
    """A round in which nobody asked for deliveries knows none: they may have become anything."""
    store = a_store(a_retry(1), a_retry(2))
    found = store.retry(a_retry(2).delivery_id)
    assert found is not None
    assert found.item == a_retry(2)
    assert (store.retry(a_retry(3).delivery_id), store.retry(None)) == (None, None)
    assert (store.is_sending("a"), store.is_sending("b")) == (True, False)
    store.apply(news(listed=None))
    assert (store.retry(a_retry(2).delivery_id), store.is_sending("a")) == (None, False)


def test_the_same_list_is_asked_for_wherever_one_looks_at_it() -> None:
    asked = Question(status="pending", text="x", anchor="dlv_1", offset=7)
    assert asked.whole == Question(status="pending", text="x", limit=9).whole
    assert asked.whole != Question(status="pending", text="y").whole


def test_a_round_that_asked_for_no_lists_changes_none() -> None:
    store = a_store(a_retry(1))
    store.apply(news(cabinets=wire.Cabinets(items=(a_cabinet(),)), cases=(a_case(),)))
    store.apply(news())
    assert (len(store.cabinets), len(store.cases)) == (1, 1)


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


# -- when they are due -------------------------------------------------------------------------------------------------


def test_a_due_time_comes_by_steady_seconds_whatever_the_wall_clocks_say() -> None:
    one = Retry(item=a_retry(1, next_attempt_at=datetime(1970, 1, 1, tzinfo=UTC)), due_s=ASKED_S + 30.0)
    assert [one.wait_s(ASKED_S + later_s) for later_s in (0.0, 12.5, 30.0, 3000.0)] == [30.0, 17.5, 0.0, 0.0]


def test_what_has_no_due_time_is_never_due() -> None:
    assert Retry(item=a_retry(1), due_s=None).wait_s(ASKED_S + 1e6) is None


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
