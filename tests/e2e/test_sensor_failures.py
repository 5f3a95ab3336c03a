"""What a sensor, its bus or its gateway can do wrong: one line each. All of it ends as a state on the screen, never as a
number, and its neighbour and the other sources go on.

Not here, because no source reads that bus yet; what a gateway relays of it has its line:
  one-wire   CRC NO, an empty file, a directory that is gone, EIO, and the all-zero scratchpad that passes its CRC as 0.0 °C
             (a relayed 0.0 is told apart only where a cabinet can't be so warm: `sentinels`)
  DHT, SHT   EIO, ETIMEDOUT and EREMOTEIO of hwmon and IIO; a value that its driver repeats within its update_interval
  serial     the CRC of Modbus RTU, and an answer that comes after its request was given up
  MQTT       a retained message or availability taken for life, a bridge that is offline, a battery that lies
  BLE        no adverts, beacons that need a key, an adapter that is down
  GPIO       a line that is busy; a cut wire, which looks like an open door
"""

import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from cdg_tui.i18n import LANGUAGES, texts
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.overview import Overview
from cdg_tui.screens.page import View
from core import wire
from core.sensors.http_json import MAX_BODY_BYTES
from tests.core.sensors.test_http_json import an_answer
from tests.e2e.ill_shops import GOOD, NEXT, Bus, Invented, Moving, Record, Web, an_ill_shop

HOUR_POLLS = 365  # a little more than one
STALE_POLLS = 31  # a little more than five minutes
SEQUENCE = '{ path = "t", timestamp = "seq", max_age_s = 60 }'
XJP60D = ", status = { address = 1, mask = 255, bad = [3] }"


@dataclass(frozen=True, kw_only=True)
class Ill:
    """One failure. `make` builds the peer, `provoke` makes it fail after three good polls; what then is known of it after
    `polls` more; `bad` are the numbers that must not be seen. `alone`: its neighbour on the source goes on.
    """

    make: Callable[[], Any]
    provoke: Callable[[Any], object] = lambda rig: None
    fault: str | None
    bad: tuple[float, ...] = ()
    quality: str = "fault"
    kind: str = "sensor_fault"
    polls: int = 3
    quantity: str = "temperature"
    alone: bool = True


def says(value: object, fault: str, **more: Any) -> Ill:
    """A gateway relays this instead of a temperature."""
    bad = (float(value),) if isinstance(value, int | float) and not isinstance(value, bool) else ()
    return Ill(make=Web, provoke=lambda web: web.say(t=value), fault=fault, bad=bad, **more)


def answers(answer: bytes, fault: str, drip_s: float = 0.0) -> Ill:
    """A gateway answers so."""
    return Ill(make=Web, provoke=lambda web: web.answer(answer, drip_s), fault=fault, alone=False)


def holds(register: int, fault: str, bad: float, more: str = "", word: int = 0, scale: float = 0.1) -> Ill:
    """A controller's register holds this."""
    make = lambda: Bus(more, scale=scale)  # noqa: E731
    return Ill(make=make, provoke=lambda bus: bus.put(register, word), fault=fault, bad=(bad,))


def refuses(code: ExcCodes) -> Ill:
    provoke: Callable[[Bus], None] = lambda bus: bus.peer.refusing.update({2: code})  # noqa: E731
    return Ill(make=Bus, provoke=provoke, fault=f"exception_{code.value}")


def records(cell: str, fault: str, *bad: float) -> Ill:
    """So it stands in the file."""
    return Ill(make=lambda: Record(cell), fault=fault, bad=bad)


def breaks(fault: str, code: str | None, *bad: float, **more: Any) -> Ill:
    """A simulated probe fails so."""
    return Ill(make=lambda: Invented(fault), fault=code, bad=bad, **more)


def _not_a_number(bus: Bus) -> None:
    bus.peer.registers = (0x7FC0, 0x0000, round(NEXT * 10))


TABLE: dict[str, Ill] = {
    # A gateway relays what a probe, or a driver before it, gives instead of a temperature.
    "DS18B20 after a loss of power": says(85.0, "power_on"),
    "DS18B20 that is gone": says(-127.0, "out_of_range"),
    "DS18B20 with all bits set": says(127.937, "out_of_range"),
    "BLE temperature that is invalid": says(-163.84, "out_of_range"),
    "BLE humidity that is invalid": says(163.8375, "out_of_range", quantity="humidity"),
    "humidity below nothing": says(-0.1, "out_of_range", quantity="humidity"),
    "a door that is no switch": says(2, "out_of_range", quantity="door"),
    "a door between open and shut": says(0.5, "out_of_range", quantity="door"),
    "a defrost contact between on and off": says(0.5, "out_of_range", quantity="defrost"),
    "null": says(None, "not_a_number"),
    "NaN": says(float("nan"), "not_a_number"),
    "infinity": says(float("inf"), "not_a_number"),
    "a number as text": says("85.0", "not_a_number"),
    "a word": says("error", "not_a_number"),
    "true for a temperature": says(True, "not_a_number"),
    "the key is missing": Ill(make=Web, provoke=lambda web: web.drop("t"), fault="missing_field"),
    "the same sequence number again": Ill(
        make=lambda: Web(SEQUENCE), provoke=lambda web: web.say(seq=99), fault="old_data", polls=10
    ),
    "the time in the body is of yesterday": Ill(
        make=lambda: Web(SEQUENCE, t=6.6, seq="2026-11-22T08:00:00Z"), fault="old_data", bad=(6.6,)
    ),
    "the time in the body is missing": Ill(
        make=lambda: Web(SEQUENCE), provoke=lambda web: web.say(t=6.6, seq=None), fault="missing_field", bad=(6.6,)
    ),
    "a gateway that goes on relaying the last value of a dead probe": Ill(
        make=lambda: Moving(HOUR_POLLS + 10), fault="flat_line", quality="suspect", polls=2 * HOUR_POLLS + 20
    ),
    "condensation: 100 % for an hour": Ill(
        make=lambda: Web(t=55.0),
        provoke=lambda web: web.say(t=100.0),
        fault="flat_line",
        quality="suspect",
        polls=HOUR_POLLS,
        quantity="humidity",
    ),
    # The gateway itself.
    "HTTP 500": answers(an_answer(b'{"t": 85.0}', "500 Oops"), "http_status"),
    "HTTP 404": answers(an_answer(b"", "404 Not Found"), "http_status"),
    "a redirect": answers(an_answer(b"", "302 Found", "Location: /login\r\n"), "redirect"),
    "a login page": answers(an_answer(b"<html>85.0"), "not_json"),
    "an empty body": answers(an_answer(b""), "not_json"),
    "a body without end": answers(an_answer(b"1" * (MAX_BODY_BYTES + 1)), "too_large"),
    "no answer": answers(b"", "timeout"),
    "a slow body": answers(an_answer(b'{"t": 4.2}'), "timeout", drip_s=0.05),
    "the gateway is off": Ill(make=Web, provoke=lambda web: web.stop(), fault="unreachable", alone=False),
    # A controller, or the line to it.
    "Eliwell's 0x8000": holds(0x8000, "out_of_range", -3276.8),
    "0x7fff": holds(0x7FFF, "out_of_range", 3276.7),
    "0x8000 where it would be plausible": holds(0x8000, "no_probe", -32.8, ", sentinels = [32768]", scale=0.001),
    "all zero words": holds(0, "no_probe", 0.0, ", sentinels = [0]"),
    "a relayed power-on value": holds(850, "power_on", 85.0),
    "XJP60D: the status is bad, the number plausible": holds(71, "probe_error", 7.1, XJP60D, word=0x0003),
    "the status can't be read": Ill(
        make=lambda: Bus(", status = { address = 999, bad = [3] }"), fault="exception_2", bad=(GOOD,)
    ),
    "a float that is none": Ill(make=lambda: Bus(kind="f32", scale=1.0), provoke=_not_a_number, fault="not_a_number"),
    "a unit that is silent": Ill(make=Bus, provoke=lambda bus: bus.peer.silent.add(2), fault="timeout"),
    "an answer of another unit": Ill(make=Bus, provoke=lambda bus: bus.peer.strangers.add(2), fault="timeout"),
    **{f"exception {code.value}": refuses(code) for code in ExcCodes},
    "the Modbus gateway is off": Ill(make=Bus, provoke=lambda bus: bus.stop(), fault="unreachable", alone=False),
    # A recording.
    "an empty cell": records("", "missing_field"),
    "a word in a cell": records("ERR", "not_a_number"),
    "nan in a cell": records("nan", "not_a_number"),
    "a recorded power-on value": records("85.000", "power_on", 85.0),
    "a value that leaps about": Ill(
        make=lambda: Record("30", "60", "-20"), fault="jump", bad=(30.0, 60.0, -20.0), quality="suspect"
    ),
    "no such file": Ill(make=lambda: Record(file="gone.csv"), fault="no_such_file", alone=False),
    "no such column": Ill(make=lambda: Record(point="x"), fault="no_such_column", alone=False),
    "a file that can't be read": Ill(make=lambda: Record(file="."), fault="unreadable", alone=False),
    "the recording is over": Ill(
        make=lambda: Record(rows=3), fault=None, quality="stale", kind="sensor_stale", polls=STALE_POLLS, alone=False
    ),
    # A probe of a simulated cabinet.
    "simulated: power on": breaks("power_on", "power_on", 85.0),
    "simulated: disconnected": breaks("disconnected", "out_of_range", -127.0),
    "simulated: shorted bus": breaks("all_zero", "all_zero", 0.0),
    "simulated: timeout": breaks("timeout", "timeout"),
    "simulated: silent": breaks("silent", None, quality="stale", kind="sensor_stale", polls=STALE_POLLS),
    "simulated: stuck": Ill(
        make=lambda: Invented("stuck", 7200.0), fault="flat_line", quality="suspect", polls=3 * HOUR_POLLS
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", TABLE)
async def test_a_failure_is_a_state_on_the_screen_and_never_a_number(name: str, tmp_path: Path) -> None:
    await assert_ends_as_a_state(TABLE[name], tmp_path)


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate needs openssl")
async def test_a_certificate_nobody_vouches_for_is_a_state_too(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*_self_signed(tmp_path))
    line = Ill(make=lambda: Web(tls=tls, scheme="https"), fault="unreachable", bad=(GOOD,), alone=False)
    await assert_ends_as_a_state(line, tmp_path)


def _self_signed(directory: Path) -> tuple[Path, Path]:
    certificate, key = directory / "cert.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


async def assert_ends_as_a_state(line: Ill, directory: Path) -> None:
    async with an_ill_shop(line.make(), directory, line.quantity) as shop:
        await shop.poll(3)
        provoked = line.provoke(shop.rig)
        if isinstance(provoked, Awaitable):
            await provoked
        await shop.poll(line.polls)
        for language in LANGUAGES:
            view = await shop.screen(language)
            _assert_on_the_wire(line, view)
            _assert_on_the_screen(line, view)
            _assert_the_others_go_on(line, view)


def _assert_on_the_wire(line: Ill, view: View) -> None:
    reading = _cabinet(view, "03").sensors[0]
    assert (reading.value, reading.quality, reading.fault) == (None, line.quality, line.fault)
    assert reading.state == _cabinet(view, "03").state == line.quality
    mine = [case for case in view.store.cases if case.cabinet == "03"]
    assert [(case.kind, case.fault, case.value, case.peak) for case in mine] == [(line.kind, line.fault, None, None)]


def _assert_on_the_screen(line: Ill, view: View) -> None:
    [row] = [row for row in Overview().rows(view) if row.key == "03"]
    assert row.cells[0].endswith(view.words.of("state", line.quality))
    assert row.cells[3] == "--"
    sensor = dict(Overview().detail(view, "03"))["03.x"]
    why = view.words.of("state", "stale") if line.fault is None else view.words.of("fault", line.fault)
    assert why in sensor
    assert line.fault is None or f"fault.{line.fault}" in texts(view.words.language), "a code instead of a word"
    [case] = [case for case in view.store.cases if case.cabinet == "03"]
    [raised] = [row for row in Cases().rows(view) if row.key == case.case_id]
    assert view.words.of("kind", line.kind) in raised.cells
    told = dict(Cases().detail(view, case.case_id))
    assert line.fault is None or told[view.words("column.fault")] == why
    for text in (*row.cells, sensor, *raised.cells, told[view.words("column.course")]):
        for number in line.bad:
            assert f"{number:.1f}" not in text


def _assert_the_others_go_on(line: Ill, view: View) -> None:
    """Its neighbour where the source still answers, and every other source."""
    for cabinet in ("04", "05") if line.alone else ("05",):
        reading = _cabinet(view, cabinet).sensors[0]
        assert (reading.quality, reading.value is not None, reading.age_s) == ("good", True, 0.0)


def _cabinet(view: View, cabinet: str) -> wire.CabinetItem:
    return next(one for one in view.store.cabinets if one.id == cabinet)
