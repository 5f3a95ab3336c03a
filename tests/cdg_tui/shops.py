"""A shop with something of everything: each state of a cabinet, cases of each kind of trouble, deliveries on every page."""

from core import wire
from tests.cdg_tui.factories import a_cabinet, a_case, a_dead_letter, a_reading, a_retry, an_attempt, at
from tests.cdg_tui.fake_core import FakeCore


def a_shop() -> FakeCore:
    core = FakeCore()
    core.cabinets = [
        a_cabinet("03", "鲜奶柜", a_reading("03.air", 9.4, state="critical"), state="critical", open_cases=2),
        a_cabinet("04", "熟食柜", a_reading("04.air", 7.0, state="warning"), state="warning", open_cases=1),
        a_cabinet("05", "冷冻柜", _silent("05.air"), state="stale", low=-22.0, high=-15.0),
        a_cabinet("06", "水产柜", _broken("06.air"), state="fault"),
        a_cabinet("07", "冰淇淋柜", a_reading("07.air", 8.3, state="pending"), state="pending"),
        a_cabinet("01", "饮料柜", a_reading("01.air", 4.2, simulated=True)),
    ]
    core.cases = [
        a_case(1),
        a_case(
            2, cabinet="04", cabinet_name="熟食柜", severity="warning", handling="acknowledged", actor="li (uid:1000)"
        ),
        a_case(3, condition="cleared", cleared_at=at(-30)),
    ]
    unanswered = an_attempt(2, http_status=None, error_class="timeout", response_excerpt="")
    rejected = an_attempt(5, http_status=404, error_class="http_4xx", response_excerpt="<html>Not found</html>")
    core.changed(
        a_retry(1),
        a_retry(2, event_type="case.severity_changed", last_attempt=unanswered),
        a_dead_letter(),
        a_dead_letter(102, dead_letter_reason="permanent", last_attempt=rejected),
    )
    core.attempts = {a_retry(1).delivery_id: (an_attempt(1), an_attempt(2))}
    return core


def _silent(sensor: str) -> wire.ReadingItem:
    return a_reading(
        sensor,
        None,
        quality="stale",
        stale=True,
        age_s=400.0,
        state="stale",
        at=at(-400),
        last_value=-18.2,
        last_value_at=at(-400),
    )


def _broken(sensor: str) -> wire.ReadingItem:
    return a_reading(
        sensor, None, quality="fault", fault="out_of_range", state="fault", last_value=2.0, last_value_at=at(-300)
    )
