"""Answers of a core as values, with a default for whatever a test does not care about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core import wire
from core.wire_audit import AuditItem
from core.wire_cases import CaseStep
from core.wire_endpoints import EndpointItem
from core.wire_stream import LogItem

NOW = datetime(2026, 11, 25, 4, 0, 3, tzinfo=UTC)  # noon in Shanghai


def at(seconds: float) -> datetime:
    """So long before NOW, or after it."""
    return NOW + timedelta(seconds=seconds)


def a_reading(sensor: str = "03.air", value: float | None = 4.2, **more: Any) -> wire.ReadingItem:
    plain: dict[str, Any] = {
        "sensor": sensor,
        "cabinet": sensor.partition(".")[0],
        "quantity": "temperature",
        "value": value,
        "last_value": value,
        "last_value_at": at(-1),
        "unit": "°C",
        "quality": "good",
        "fault": None,
        "at": at(-1),
        "age_s": 1.0,
        "stale": False,
        "low": 0.0,
        "high": 8.0,
        "state": "ok",
        "simulated": False,
    }
    return wire.ReadingItem(**{**plain, **more})


def a_cabinet(cabinet: str = "03", name: str = "鲜奶柜", *sensors: wire.ReadingItem, **more: Any) -> wire.CabinetItem:
    plain: dict[str, Any] = {
        "id": cabinet,
        "name": name,
        "preset": None,
        "state": "ok",
        "low": 0.0,
        "high": 8.0,
        "warn_low": None,
        "warn_high": 6.0,
        "alarm_delay_s": 1800.0,
        "clear_delay_s": 300.0,
        "hysteresis_k": 0.5,
        "open_cases": 0,
        "sensors": sensors or (a_reading(f"{cabinet}.air"),),
    }
    return wire.CabinetItem(**{**plain, **more})


def a_case(number: int = 1, **more: Any) -> wire.CaseItem:
    plain: dict[str, Any] = {
        "case_id": f"case_{number:020x}",
        "cabinet": "03",
        "cabinet_name": "鲜奶柜",
        "sensor": "03.air",
        "kind": "temp_high",
        "severity": "critical",
        "condition": "active",
        "handling": "new",
        "opened_at": at(-600 - number),
        "cleared_at": None,
        "closed_at": None,
        "value": 9.4,
        "peak": 9.8,
        "limit": 8.0,
        "unit": "°C",
        "duration_s": 600.0,
        "reopened": 0,
        "actor": None,
        "action": None,
        "disposition": None,
        "note": None,
        "fault": None,
        "closed_because": None,
        "seq": 1,
        "simulated": False,
    }
    return wire.CaseItem(**{**plain, **more})


def an_attempt(number: int = 1, **more: Any) -> wire.AttemptItem:
    plain: dict[str, Any] = {
        "number": number,
        "trigger": "auto",
        "actor": None,
        "started_at": at(-60 + number),
        "duration_ms": 812,
        "outcome": "failed",
        "error_class": "http_5xx",
        "http_status": 503,
        "error": "HTTP 503",
        "retry_after_s": None,
        "response_excerpt": "maintenance",
    }
    return wire.AttemptItem(**{**plain, **more})


def a_retry(number: int = 1, **more: Any) -> wire.RetryItem:
    plain: dict[str, Any] = {
        "delivery_id": f"dlv_{number:024x}",
        "event_id": f"evt_{number:020x}_1",
        "event_type": "case.opened",
        "severity": "critical",
        "case_id": "case_00000000000000000001",
        "cabinet": "03",
        "endpoint": wire.EndpointInfo(id="总部", kind="standard", host="hq.example.com", state="active"),
        "status": "pending",
        "due": False,
        "in_flight": False,
        "attempts": 2,
        "auto_attempts": 2,
        "created_at": at(-300),
        "age_s": 300.0,
        "next_attempt_at": at(10.0 * number),
        "next_attempt_in_s": 10.0 * number,
        "waits_for": None,
        "last_attempt": an_attempt(2),
        "dead_letter_reason": None,
        "settled_at": None,
        "payload_bytes": 512,
        "seq": number,
        "actions": ("retry", "cancel"),
    }
    return wire.RetryItem(**{**plain, **more})


def a_dead_letter(number: int = 101, **more: Any) -> wire.RetryItem:
    plain: dict[str, Any] = {
        "status": "dead_letter",
        "dead_letter_reason": "max_attempts",
        "next_attempt_at": None,
        "next_attempt_in_s": None,
        "settled_at": at(-number),
        "attempts": 5,
        "auto_attempts": 5,
        "actions": ("requeue", "cancel"),
    }
    return a_retry(number, **{**plain, **more})


def an_endpoint(endpoint: str = "总部", **more: Any) -> EndpointItem:
    plain: dict[str, Any] = {
        "id": endpoint,
        "kind": "standard",
        "host": "hq.example.com",
        "state": "active",
        "hold": None,
        "held_s": None,
        "since": None,
        "reason": None,
        "actor": None,
        "failures": 0,
        "last_error_class": None,
        "last_error": None,
        "pending": 2,
        "due": 0,
        "in_flight": 0,
        "dead_letter": 1,
        "oldest_pending_age_s": 300.0,
        "delivered": 120,
        "failed": {},
        "rate_per_min": None,
        "fallback_for": (),
        "skew_s": None,
    }
    return EndpointItem(**{**plain, **more})


def a_record(n: int = 1, text: str = "poll failed", **more: Any) -> LogItem:
    plain: dict[str, Any] = {"at": at(n - 100), "level": "info", "logger": "core.monitoring.polling"}
    return LogItem(n=n, text=text, **{**plain, **more})


def a_deed(n: int = 1, what: str = "case.acknowledge", **more: Any) -> AuditItem:
    plain: dict[str, Any] = {
        "at": at(n - 1000),
        "actor": "uid:1000",
        "via": None,
        "by": "li",
        "origin": "socket",
        "subject": "case_00000000000000000001",
        "asked": {},
        "changes": (),
        "outcome": "done",
        "request_id": None,
        "previous": "0" * 64,
        "sha256": "1" * 64,
    }
    return AuditItem(n=n, what=what, **{**plain, **more})


def a_step(what: str = "acknowledged", **more: Any) -> CaseStep:
    plain: dict[str, Any] = {
        "at": at(-300),
        "actor": "li (uid:1000)",
        "action": None,
        "disposition": None,
        "note": None,
        "reason": None,
    }
    return CaseStep(what=what, **{**plain, **more})
