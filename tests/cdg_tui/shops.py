"""A shop with something of everything: each state of a cabinet, cases of each kind of trouble, deliveries on every page."""

from datetime import date

from core import wire
from core.wire_audit import Change
from core.wire_config import Config
from core.wire_endpoints import EndpointItem
from tests.cdg_tui.factories import (
    a_cabinet,
    a_case,
    a_dead_letter,
    a_deed,
    a_reading,
    a_record,
    a_retry,
    a_step,
    an_attempt,
    an_endpoint,
    at,
)
from tests.cdg_tui.fake_core import FakeCore
from tests.cdg_tui.histories import a_day


def a_shop() -> FakeCore:
    core = FakeCore()
    core.cabinets = [
        _a_full_cabinet(),
        a_cabinet("04", "熟食柜", a_reading("04.air", 7.0, state="warning"), state="warning", open_cases=1),
        a_cabinet("05", "冷冻柜", _silent("05.air"), state="stale", low=-22.0, high=-15.0),
        a_cabinet("06", "水产柜", _broken("06.air"), state="fault"),
        a_cabinet("07", "冰淇淋柜", a_reading("07.air", 8.3, state="pending", beyond_s=725.0), state="pending"),
        a_cabinet(
            "08",
            "冷冻柜二",
            a_reading("08.air", 8.6, state="pending", beyond_s=2000.0, hold="heating"),
            state="pending",
        ),
        a_cabinet("09", "寿司柜", _suspect("09.air"), state="suspect"),
        a_cabinet(
            "10",
            "蛋糕柜",
            a_reading("10.air", 15.1, state="out_of_service"),
            state="out_of_service",
            out_since=at(-7200),
            due_back=at(10_800),
            service_by="王工",
            service_reason="换压缩机",
        ),
        a_cabinet("01", "饮料柜", a_reading("01.air", 4.2, simulated=True)),
    ]
    core.cases = [
        a_case(1),
        a_case(
            2, cabinet="04", cabinet_name="熟食柜", severity="warning", handling="acknowledged", actor="li (uid:1000)"
        ),
        a_case(3, condition="cleared", cleared_at=at(-30), escalations=2, reopened=1),
        a_case(
            4,
            cabinet="04",
            cabinet_name="熟食柜",
            sensor="04.air",
            severity="warning",
            kind="after_outage",
            shelved_s=1500.0,
            gap_s=7300.0,
            untold=5,
            limit=6.0,
        ),
    ]
    core.minutes = a_day()
    unanswered = an_attempt(2, http_status=None, error_class="timeout", response_excerpt="")
    rejected = an_attempt(5, http_status=404, error_class="http_4xx", response_excerpt="<html>Not found</html>")
    core.changed(
        a_retry(1),
        a_retry(2, event_type="case.severity_changed", last_attempt=unanswered),
        a_dead_letter(),
        a_dead_letter(102, dead_letter_reason="permanent", last_attempt=rejected),
    )
    core.endpoints = some_endpoints()
    core.status_changes = {"network": "online"}
    _tell_of_itself(core)
    core.attempts = {a_retry(1).delivery_id: (an_attempt(1), an_attempt(2))}
    return core


def _tell_of_itself(core: FakeCore) -> None:
    """A log, a configuration, an audit, what was done about a case, and what a delivery holds."""
    core.log = [a_record(n, f"01.air 读数 {n}") for n in range(1, 40)]
    core.log += [
        a_record(40, "hq: HTTP 503", level="warning", logger="core.webhooks.dispatcher"),
        a_record(41, "retries.jsonl: OSError", level="error", logger="core.journal.append"),
    ]
    core.config = Config(
        path="/etc/cdg/config.toml",
        settings={
            "device": {"site": "SH-0412", "timezone": "Asia/Shanghai"},
            "cabinets": [{"id": "03", "name": "鲜奶柜", "limits": {"low": 0.0, "high": 8.0}}],
            "webhooks": {"endpoints": [{"id": "总部", "url": "https://hq.example.com/…", "secret": "***"}]},
        },
        restart_required=True,
        hints=(),
        pending=("cabinets.03.limits.high",),
    )
    core.audit = [
        a_deed(9, changes=(Change(key="handling", old="new", new="acknowledged"),)),
        a_deed(8, "endpoint.pause", subject="大区", by="王工", asked={"reason": "对方检修"}),
        a_deed(7, "config.noticed", actor="core", by=None, origin="file", subject=None, asked={}),
        *(a_deed(n, "retry.retry", subject=f"dlv_{n}", outcome="failed") for n in range(6, 0, -1)),
    ]
    core.steps = {
        a_case(2).case_id: (
            a_step(),
            a_step("note", at=at(-200), note="已叫维修，货品移到 05"),
            a_step("shelved", at=at(-100)),
        )
    }
    data = {"cabinet": {"id": "03", "name": "鲜奶柜"}, "value": 9.4, "unit": "°C", "limit": 8.0}
    core.payloads = {a_retry(1).delivery_id: {"id": "evt_1", "type": "case.opened", "data": data}}


def some_endpoints() -> list[EndpointItem]:
    """One that fails, one of each way to be held back, and one that does nothing worse than wait a little."""
    return [
        an_endpoint(
            state="open",
            hold="open",
            held_s=42.0,
            since=at(-1800),
            failures=7,
            last_error_class="dns",
            last_error="no such host",
            due=1,
            failed={"dns": 6, "http_5xx": 3},
            rate_per_min=18,
            skew_s=-3.0,
        ),
        an_endpoint(
            "大区",
            host="region.example.com",
            state="paused",
            hold="paused",
            since=at(-7200),
            actor="li (uid:1000)",
            reason="对方检修",
            pending=0,
        ),
        an_endpoint("备用", host="sms.example.com", fallback_for=("总部",), pending=0, dead_letter=0, delivered=3),
        an_endpoint(
            "旧系统",
            host="old.example.com",
            state="disabled",
            hold="disabled",
            since=at(-86_400),
            last_error_class="http_4xx",
            last_error="HTTP 410",
            failed={"http_4xx": 1},
        ),
        an_endpoint("报表", host="bi.example.com", hold="rate_limit", held_s=12.0, rate_per_min=18),
    ]


def _a_full_cabinet() -> wire.CabinetItem:
    """With all that can be said of one."""
    air = a_reading(
        "03.air",
        9.4,
        state="critical",
        raw=9.1,
        offset=0.3,
        calibrated_on=date(2026, 3, 1),
        calibrated_by="李工",
        calibration_due=date(2027, 3, 1),
    )
    defrost = a_reading("03.defrost", 0.0, quantity="defrost", unit="", low=None, high=None)
    door = a_reading("03.door", 0.0, quantity="door", unit="", low=None, high=None)
    return a_cabinet(
        "03",
        "鲜奶柜",
        air,
        defrost,
        door,
        state="critical",
        open_cases=2,
        preset="iso_m1",
        preset_basis="EN ISO 23953-2",
        preset_edition="2023",
        preset_medium="product",
        budget_s=14_400.0,
        budget_used_s=2130.0,
        maintenance_s=1500.0,
        service_by="李工",
        service_reason="清洗蒸发器",
    )


def _suspect(sensor: str) -> wire.ReadingItem:
    return a_reading(
        sensor, None, quality="suspect", fault="flat_line", state="suspect", last_value=4.0, last_value_at=at(-60)
    )


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
