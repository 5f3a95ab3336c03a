"""Each operation of the manage API asked once, as headquarters would: where the document's examples come from.

A new route gets its line in `visit`; `CDG_EXAMPLES=write pytest tests/e2e/test_openapi_examples.py` then records what is
missing or has changed into core/manage_api/examples.json.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, structs

from core.manage_api.decoding import JSON
from core.manage_api.examples import Example
from tests.e2e.recorded_shop import PIN, Shop

_ID: Final = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{12,64}(?![0-9a-zA-Z])")
_DISK: Final = re.compile(r'"(disk|free)_bytes":\d+')
_OF_THE_DISK: Final = {"disk": 62_277_025_792, "free": 48_318_382_080}
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_MORNING: Final = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # eight o'clock in Shanghai
_KEPT_ITEMS: Final = 2
_KEPT_TEXT: Final = 600
_AT_THE_KIOSK: Final = {"post_operator_unlock", "post_operator_lock"}  # on the socket only
_TABLES: Final = {"by_endpoint", "failed"}  # their members are names of what there is, and counts


class Visitor:
    """Asks by operationId, and keeps what was asked and answered the first time."""

    def __init__(self, shop: Shop, document: Mapping[str, Any]):
        self.seen: dict[str, Example] = {}
        self._client, self._kiosk = shop.client(), shop.kiosk()
        self._places = {
            operation["operationId"]: (
                method,
                path,
                {one["name"]: one["in"] for one in operation.get("parameters", ())},
            )
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }

    def unlock(self, token: str) -> None:
        """At the kiosk an operator's token goes with each request from now on."""
        self._kiosk.headers["Authorization"] = f"Bearer {token}"

    def ask(self, name: str, body: Any = UNSET, **parameters: Any) -> Any:
        """The answer's value."""
        method, path, places = self._places[name]
        named = {
            key.replace("_", "-") if key.replace("_", "-") in places else key: one for key, one in parameters.items()
        }
        part = {
            place: {key: one for key, one in named.items() if places[key] == place}
            for place in ("path", "query", "header")
        }
        content = {} if body is UNSET else {"json": body}
        answer = (self._kiosk if name in _AT_THE_KIOSK else self._client).request(
            method, path.format(**part["path"]), params=part["query"], headers=part["header"], **content
        )
        assert answer.is_success, f"{name}: {answer.text}"
        media_type = answer.headers["content-type"].partition(";")[0]
        value = answer.json() if media_type == JSON else answer.text
        kind = {} if media_type == JSON else {"media_type": media_type}
        seen = Example(parameters=named, body=body, status=answer.status_code, answer=value, **kind)
        self.seen.setdefault(name, seen)
        return value

    def close(self) -> None:
        self._client.close()
        self._kiosk.close()


def visit(shop: Shop, document: Mapping[str, Any]) -> dict[str, Example]:
    """What came, by operationId."""
    visitor = Visitor(shop, document)
    try:
        for part in (_look, _care_for_cases, _serve_cabinets, _mind_endpoints, _send, _settle):
            part(visitor.ask)
        visitor.unlock(visitor.ask("post_operator_unlock", {"operator": "王芳", "pin": PIN})["token"])
        visitor.ask("post_operator_lock")
    finally:
        visitor.close()
    return visitor.seen


def _look(ask: Any) -> None:
    for name in ("healthz", "readyz", "cabinets", "readings", "metrics", "config", "whoami", "operators"):
        ask(f"get_{name}")
    began = ask("get_status")["now"][:17] + "00Z"
    ask("get_readings_history", sensor="01.air", since=began, step_s=60)
    ask("get_export", format="csv", cabinet=["02"], since=began)
    ask("get_log", level="warning", limit=5)


def _care_for_cases(ask: Any) -> None:
    cases = {one["severity"]: one["case_id"] for one in ask("get_cases", open=True, limit=50)["items"]}
    warm, cold = cases["warning"], cases["critical"]
    ask("post_cases_case_id_acknowledge", {"by": "王芳", "note": "已看到，正在处理"}, case_id=warm)
    ask("post_cases_case_id_note", {"by": "王芳", "note": "蒸发器结霜，已报修"}, case_id=warm)
    ask("post_cases_case_id_shelve", {"by": "王芳", "for_s": 1800, "note": "补货中"}, case_id=warm)
    ask("post_cases_case_id_unshelve", {"by": "李强"}, case_id=warm)
    done = {"by": "李强", "action": "清理风口，关好柜门", "disposition": "商品移至备用柜，复测合格"}
    ask("post_cases_case_id_action", done, case_id=warm)
    ask("get_cases_case_id", case_id=warm)
    ask("post_cases_case_id_handle", {**done, "note": "等待降温"}, case_id=cold)
    signed = {"by": "周敏", "reason": "handled", "note": "店长确认", "force": True}
    ask("post_cases_case_id_close", signed, case_id=cold)


def _serve_cabinets(ask: Any) -> None:
    ask("post_cabinets_cabinet_maintenance", {"by": "李强", "reason": "除霜", "for_s": 1800}, cabinet="01")
    ask("post_cabinets_cabinet_out_of_service", {"by": "李强", "reason": "更换压缩机"}, cabinet="01")
    ask("post_cabinets_cabinet_in_service", {"by": "李强", "reason": "维修完成"}, cabinet="01")


def _mind_endpoints(ask: Any) -> None:
    ask("get_webhooks_endpoints")
    ask("post_webhooks_endpoints_endpoint_id_test", endpoint_id="hq")
    ask("post_webhooks_endpoints_endpoint_id_pause", {"by": "陈洁", "reason": "总部系统升级"}, endpoint_id="hq")
    ask("post_webhooks_endpoints_endpoint_id_resume", {"by": "陈洁"}, endpoint_id="hq")


def _send(ask: Any) -> None:
    waiting = ask("get_webhooks_retries", status=["pending"], endpoint="backup", limit=50)["items"]
    dead = ask("get_webhooks_retries", status=["dead_letter"], endpoint="erp")["items"]
    ask("get_webhooks_retries_window", status=["pending"], sort="next", anchor=waiting[-1]["delivery_id"], limit=50)
    ask("get_webhooks_retries_ids", status=["pending"], endpoint="backup", sort="created")
    ask("get_webhooks_retries_groups")
    behind = next(one["delivery_id"] for one in waiting if one["waits_for"])
    ask("get_webhooks_retries_delivery_id", delivery_id=waiting[0]["delivery_id"])
    ask("get_webhooks_retries_delivery_id_attempts", delivery_id=waiting[0]["delivery_id"])
    ask("get_webhooks_retries_delivery_id_payload", delivery_id=waiting[0]["delivery_id"])
    ask("post_webhooks_retries_delivery_id_retry", delivery_id=waiting[0]["delivery_id"])
    ask("post_webhooks_retries_delivery_id_cancel", delivery_id=behind)
    ask("post_webhooks_retries_delivery_id_requeue", delivery_id=dead[0]["delivery_id"])
    ask("post_webhooks_retries_recover", {"since": dead[1]["created_at"], "endpoint": "erp", "dry_run": True})
    said = {"delivery_ids": [dead[1]["delivery_id"]], "by": "陈洁", "reason": "系统已停用"}
    ask("post_webhooks_retries_discard", said)
    drain = ask(
        "post_webhooks_retries_drain", {"only_due": False, "endpoint": "backup", "limit": 10, "time_budget_s": 5}
    )
    ask("get_webhooks_drains_drain_id", drain_id=drain["drain_id"])
    ask("get_webhooks_drains")
    running = ask("post_webhooks_retries_drain", {"only_due": False, "endpoint": "sms", "time_budget_s": 0})
    ask("post_webhooks_drains_drain_id_stop", drain_id=running["drain_id"])


def _settle(ask: Any) -> None:
    ask("post_durability_acknowledge", {"by": "陈洁"})
    ask("patch_config", {"cabinets": {"01": {"name": "鲜奶柜（靠窗）"}}})
    ask("get_audit", what="config.patch", limit=5)


# -- what is kept of it ------------------------------------------------------------------------------------------------


def tidied(seen: Mapping[str, Example], shop: Shop) -> dict[str, Any]:
    """Short lists; ids, times, sizes of disks, ports and places that no run can change."""
    short = {name: structs.replace(one, answer=_cut(one.answer)) for name, one in seen.items()}
    text = msgspec.json.encode(short).decode()
    for found, put in _replacements(shop):
        text = text.replace(found, put)
    text = _DISK.sub(lambda one: f'"{one[1]}_bytes":{_OF_THE_DISK[one[1]]}', text)
    ids: dict[str, str] = {}
    text = _ID.sub(lambda one: ids.setdefault(one[0], _an_id(len(ids), len(one[0]))), text)
    tidy: dict[str, Any] = json.loads(_TIME.sub(_since(min(_TIME.findall(text))), text))
    return tidy


def _cut(value: Any) -> Any:
    match value:
        case list():
            return [_cut(one) for one in value[:_KEPT_ITEMS]]
        case dict():
            return {key: _cut(one) for key, one in value.items()}
        case str() if len(value) > _KEPT_TEXT:
            return value[: value.rindex("\n", 0, _KEPT_TEXT) + 1]
    return value


def _replacements(shop: Shop) -> list[tuple[str, str]]:
    listen = shop.url.removeprefix("http://")
    others = [(f"http://localhost:{port}", "https://hooks.example.com") for port in shop.ports]
    return [
        (str(shop.core.directory), "/etc/cold-display-guard"),
        (listen, "127.0.0.1:8765"),
        *others,
        ('"localhost"', '"hooks.example.com"'),
    ]


def _an_id(number: int, length: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:length]


def _since(first: str) -> Any:
    """The time as if the run had begun on that morning; seconds stay, since minutes are steps of the history."""
    began = datetime.fromisoformat(first).replace(second=0, microsecond=0)

    def moved(found: re.Match[str]) -> str:
        at: datetime = _MORNING + (datetime.fromisoformat(found[0]) - began)
        return at.isoformat().replace("+00:00", "Z")

    return moved


# -- whether two exchanges are alike -----------------------------------------------------------------------------------


def same_request(kept: dict[str, Any], found: dict[str, Any]) -> bool:
    """But for ids and times, which no two runs share."""
    return _asked(kept) == _asked(found)


def _asked(one: dict[str, Any]) -> str:
    text = json.dumps(
        [one.get("parameters"), one.get("body"), one["status"], one.get("media_type")],
        sort_keys=True,
        ensure_ascii=False,
    )
    return _TIME.sub("", _ID.sub("", text))


def differences(kept: Any, found: Any, at: str = "") -> list[str]:
    """Where the members or their types are not the same. A null stands for whatever may be there."""
    match kept, found:
        case (None, _) | (_, None):
            return []
        case dict(), dict():
            odd = [f"{at}/{name} is in only one" for name in sorted(kept.keys() ^ found.keys())]
            both = sorted(kept.keys() & found.keys() - _TABLES)
            return odd + [one for name in both for one in differences(kept[name], found[name], f"{at}/{name}")]
        case list(), list():
            return [one for item in found for one in differences(kept[0], item, f"{at}/0")] if kept else []
    return [] if _kind(kept) is _kind(found) else [f"{at} is {kept!r} or {found!r}"]


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)
