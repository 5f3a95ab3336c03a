"""The whole way through the product, everything a process of its own: bus and web thermometer, core, headquarters."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Core, Process, free_port, json_lines, listens, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONFIG = """
[device]
id = "sh-0412-kiosk"
site = "sh-0412"

[monitor]
interval_s = 0.2
heartbeat_s = 0

[[sources]]
id = "bus"
driver = "modbus"
url = "tcp://127.0.0.1:{modbus}"
timeout_s = 1.0

[[sources]]
id = "web"
driver = "http_json"
url = "http://127.0.0.1:{thermometer}/status"

[[cabinets]]
id = "03"
name = "鲜奶柜"
limits = {{ low = 0.0, high = 8.0 }}
alarm_delay_s = 0
clear_delay_s = 0

[[cabinets]]
id = "04"
name = "冷冻柜"
limits = {{ high = -12.0 }}
alarm_delay_s = 0
clear_delay_s = 0

[[sensors]]
id = "03.air"
cabinet = "03"
source = "bus"
point = {{ unit = 3, function = 3, address = 2575, type = "s16", scale = 0.1 }}

[[sensors]]
id = "04.air"
cabinet = "04"
source = "web"
point = "sensors.0.temperature"

[[sensors]]
id = "04.product"
cabinet = "04"
source = "web"
point = "sensors.1.temperature"

[webhooks.retry]
first_delay_s = 0.4
max_delay_s = 1.0

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{receiver}/hooks"
secret = "{secret}"
"""


class Shop:
    """The processes of one shop and what its headquarters has got."""

    def __init__(self, directory: Path, peer: Callable[..., Process], core: Callable[..., Core]):
        self._peer = peer
        self.bus_value, self.web_values = directory / "bus", directory / "web.json"
        self.got_file, self.asked = directory / "got.jsonl", directory / "asked"
        self.warm_bus(4.0)
        self.web_values.write_text('{"sensors": [{"temperature": -20.0}, {"temperature": -19.5}]}')
        self._receiver_port, modbus, thermometer = free_port(), free_port(), free_port()
        peer("modbus_controller", modbus, self.bus_value)
        peer("thermometer", thermometer, self.web_values, self.asked)
        self.receiver = self.open_headquarters()
        self.core = core(
            CONFIG.format(modbus=modbus, thermometer=thermometer, receiver=self._receiver_port, secret=SECRET)
        )
        self.core.start()

    def open_headquarters(self) -> Process:
        self.receiver = self._peer("receiver", self._receiver_port, SECRET, self.got_file)
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", self._receiver_port)), "headquarters is open")
        return self.receiver

    def warm_bus(self, celsius: float) -> None:
        spare = self.bus_value.with_suffix(".new")
        spare.write_text(str(celsius))
        spare.replace(self.bus_value)

    def got(self, event_type: str | None = None) -> list[dict[str, Any]]:
        return [one for one in json_lines(self.got_file) if event_type in {None, one["event"]["type"]}]

    def pending(self, event_type: str | None = None) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.core.get("webhooks/retries")["items"]
        return [item for item in items if event_type in {None, item["event_type"]}]

    def readings(self) -> dict[str, float | None]:
        return {item["sensor"]: item["value"] for item in self.core.get("readings")["items"]}


@pytest.fixture
def shop(tmp_path: Path, peer: Callable[..., Process], core: Callable[..., Core]) -> Shop:
    return Shop(tmp_path, peer, core)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_an_alarm_reaches_headquarters_through_dead_receivers_and_a_killed_core(shop: Shop) -> None:
    """No event is missing, ids are stable, signatures verify, and nothing is doubled but attempts in flight at the kill."""
    wait_until(lambda: shop.readings() == {"03.air": 4.0, "04.air": -20.0, "04.product": -19.5}, "all sensors read")

    shop.warm_bus(9.5)
    wait_until(lambda: shop.got("case.opened"), "case.opened arrives")
    (case,) = shop.core.get("cases")["items"]
    assert (case["cabinet"], case["kind"], case["severity"], case["value"]) == ("03", "temp_high", "critical", 9.5)

    shop.receiver.kill()
    shop.warm_bus(4.0)
    (waiting,) = wait_until(shop.pending, "the cleared event waits")
    assert waiting["event_type"] == "case.condition_cleared"
    wait_until(lambda: shop.pending()[0]["attempts"] >= 3, "attempts rise")
    assert shop.pending()[0]["last_attempt"]["error_class"] == "connect"
    attempts = 'select(.k=="put" and .d.event_type=="case.condition_cleared") | .d.attempts'
    wait_until(lambda: {"0", "1", "2", "3"} <= set(shop.core.jq(attempts)), "the journal counts the same attempts")

    shop.core.kill()
    shop.core.start()
    (again,) = shop.pending("case.condition_cleared")
    assert (again["delivery_id"], again["event_id"]) == (waiting["delivery_id"], waiting["event_id"])
    assert again["attempts"] >= 2
    handled = shop.core.post(f"cases/{case['case_id']}/handle", {"by": "李工", "action": "除霜", "disposition": "完好"})
    assert handled["handling"] == "closed"

    shop.open_headquarters()
    result = shop.core.post("webhooks/retries/drain", {"only_due": False})
    assert result["counts"]["failed"] == 0, result
    wait_until(lambda: not shop.pending(), "the queue is empty")
    _assert_complete(shop, case["case_id"])


def _assert_complete(shop: Shop, case_id: str) -> None:
    got = shop.got()
    assert all(one["verified"] for one in got)
    told = [one for one in got if one["event"]["data"].get("case_id") == case_id]
    in_order = list(dict.fromkeys((one["event"]["data"]["seq"], one["event"]["type"], one["id"]) for one in told))
    assert [(seq, kind) for seq, kind, _ in in_order] == [
        (1, "case.opened"),
        (2, "case.condition_cleared"),
        (3, "case.action_recorded"),
        (4, "case.closed"),
    ]
    assert all(one["id"] == one["event"]["event_id"] for one in told)
    assert len(told) == len({one["id"] for one in told})
    assert len([one for one in got if one["event"]["type"] == "device.started"]) == 2
    assert told[0]["event"]["device"]["id"] == "sh-0412-kiosk"


def test_one_get_serves_every_sensor_of_a_web_thermometer(shop: Shop) -> None:
    """Two sensors, one request an interval: the thermometer is asked about as often as the core has polled."""
    wait_until(lambda: len(shop.asked.read_bytes()) >= 5 if shop.asked.exists() else False, "polled five times")
    before, beat = len(shop.asked.read_bytes()), shop.core.get("status")["monitoring"]["beat"]
    wait_until(lambda: shop.core.get("status")["monitoring"]["beat"] >= beat + 4, "four seconds pass")
    asked = len(shop.asked.read_bytes()) - before
    assert asked <= 4 * 5 + 10, asked


def test_a_dead_bus_is_a_fault_and_delays_nothing_else(shop: Shop, processes: list[Process]) -> None:
    wait_until(lambda: shop.readings()["03.air"] == 4.0, "the bus is read")
    processes[0].kill()
    opened = wait_until(
        lambda: [case for case in shop.core.get("cases")["items"] if case["kind"] == "sensor_fault"], "a fault case"
    )
    assert opened[0]["sensor"] == "03.air"
    shop.web_values.write_text('{"sensors": [{"temperature": -18.0}, {"temperature": -19.5}]}')
    wait_until(lambda: shop.readings()["04.air"] == -18.0, "the other source is still read")
    assert shop.readings()["03.air"] is None


def test_the_socket_and_the_journals_belong_to_the_core_alone(shop: Shop) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in [shop.core.data, *shop.core.data.iterdir()]}
    assert modes["data"] == 0o700
    assert modes["retries.jsonl"] == modes["cases.jsonl"] == modes["lock"] == 0o600
    assert modes["manage.sock"] == 0o660
    text = (shop.core.data / "retries.jsonl").read_text() + shop.core.said + json.dumps(shop.core.get("config"))
    assert SECRET not in text
    assert SECRET.removeprefix("whsec_") not in text
