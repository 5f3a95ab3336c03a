"""The Modbus driver against pymodbus's own server on a real socket."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.errors import ConfigError, SensorError
from core.samples import Sample
from core.sensors.modbus import ModbusSource
from core.settings import ModbusSource as ModbusSettings
from core.settings import Sensor
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

UNIT_OF_FRAME = 6  # where the MBAP header holds the unit
NAN = struct.unpack(">HH", struct.pack(">f", float("nan")))
INF = struct.unpack(">HH", struct.pack(">f", float("inf")))
HALF = struct.unpack(">HH", struct.pack(">f", -18.5))


class ModbusPeer:
    """A gateway with units 1..6. Register n holds `registers[n]`, as they stand when it is asked; `silent` units don't
    answer, `refusing` ones refuse, and the answers of `strangers` bear another unit's number.
    """

    def __init__(self, registers: tuple[int, ...] = (45,), coils: tuple[bool, ...] = (True,)):
        self.registers, self.coils = registers, coils
        self.silent: set[int] = set()
        self.strangers: set[int] = set()
        self.refusing: dict[int, ExcCodes] = {}
        self.asked: list[int] = []
        self.connections = 0
        self.port = 0
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        self._server = ModbusTcpServer(
            [self._unit(unit) for unit in range(1, 7)],
            address=("127.0.0.1", self.port),
            trace_packet=self._packet,
            trace_connect=self._connected,
        )
        await self._server.serve_forever(background=True)
        transport = self._server.transport
        assert isinstance(transport, asyncio.Server)
        self.port = transport.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]

    def _unit(self, unit: int) -> SimDevice:
        async def action(
            function: int, start: int, address: int, count: int, now: list[int], new: list[int] | list[bool] | None
        ) -> ExcCodes | None:
            if function in (3, 4):
                now[:] = self.registers
            return self.refusing.get(unit)

        bits = SimData(0, values=[*self.coils, *[False] * (16 - len(self.coils))], datatype=DataType.BITS)
        words = SimData(0, values=list(self.registers), datatype=DataType.REGISTERS)
        return SimDevice(id=unit, simdata=([bits], [bits], [words], [words]), action=action)

    def _packet(self, sending: bool, data: bytes) -> bytes:
        if not sending and len(data) > UNIT_OF_FRAME:
            self.asked.append(data[UNIT_OF_FRAME])
        if sending and data[UNIT_OF_FRAME] in self.strangers:
            return data[:UNIT_OF_FRAME] + bytes([data[UNIT_OF_FRAME] + 100]) + data[UNIT_OF_FRAME + 1 :]
        return b"" if sending and data[UNIT_OF_FRAME] in self.silent else data

    def _connected(self, connected: bool) -> None:
        self.connections += connected


Point = dict[str, Any]


def a_point(
    unit: int = 1, function: int = 3, address: int = 0, kind: str = "s16", scale: float = 1.0, **more: Any
) -> Point:
    return {"unit": unit, "function": function, "address": address, "type": kind, "scale": scale, **more}


def a_source(port: int, *points: Point, timeout_s: float = 5.0, host: str = "127.0.0.1") -> ModbusSource:
    sensors = tuple(Sensor(id=f"s{i}", cabinet="03", source="bus", point=point) for i, point in enumerate(points))
    return ModbusSource(ModbusSettings(id="bus", url=f"tcp://{host}:{port}", timeout_s=timeout_s), sensors, FakeClock())


@asynccontextmanager
async def a_bus(
    peer: ModbusPeer, *points: Point, timeout_s: float = 5.0
) -> AsyncIterator[tuple[ModbusPeer, ModbusSource]]:
    await peer.start()
    source = a_source(peer.port, *points, timeout_s=timeout_s)
    try:
        yield peer, source
    finally:
        await source.close()
        await peer.stop()


def told(samples: list[Sample]) -> list[float | str | None]:
    return [sample.fault if sample.value is None else sample.value for sample in samples]


@pytest.mark.parametrize(
    ("registers", "kind", "scale", "value"),
    [
        ((45,), "s16", 0.1, 4.5),
        ((0x10000 - 185,), "s16", 0.1, -18.5),
        ((0xFFFF,), "u16", 1.0, 65535.0),
        ((0xFFFF, 0xFF47), "s32", 0.1, -18.5),
        ((0x0001, 0x0000), "u32", 1.0, 65536.0),
        (HALF, "f32", 1.0, -18.5),
        ((3,), "bit", 1.0, 1.0),
        ((2,), "bit", 1.0, 0.0),
    ],
    ids=["s16", "negative s16", "u16", "s32", "u32", "f32", "bit set", "bit clear"],
)
@pytest.mark.parametrize("function", [3, 4], ids=["holding", "input"])
async def test_a_register_is_read_as_its_type_times_its_scale(
    registers: tuple[int, ...], kind: str, scale: float, value: float, function: int
) -> None:
    async with a_bus(ModbusPeer(registers), a_point(kind=kind, scale=scale, function=function)) as (_, source):
        (sample,) = await source.poll()
        assert sample.value == pytest.approx(value)


@pytest.mark.parametrize("function", [1, 2], ids=["coil", "discrete input"])
async def test_a_bit_is_one_or_nought(function: int) -> None:
    points = (a_point(function=function, address=0), a_point(function=function, address=1))
    async with a_bus(ModbusPeer(coils=(True, False)), *points) as (_, source):
        assert told(await source.poll()) == [1.0, 0.0]


@pytest.mark.parametrize("registers", [NAN, INF], ids=["nan", "inf"])
async def test_a_float_that_is_no_number_is_a_fault(registers: tuple[int, ...]) -> None:
    async with a_bus(ModbusPeer(registers), a_point(kind="f32")) as (_, source):
        assert told(await source.poll()) == ["not_a_number"]


@pytest.mark.parametrize(
    ("registers", "kind", "sentinel"),
    [
        ((0x8000,), "s16", 0x8000),
        ((0x8000,), "s16", -0x8000),
        ((0xFFFF,), "u16", 0xFFFF),
        ((0,), "s16", 0),
        ((0x8000, 0x0000), "s32", 0x8000_0000),
        (struct.unpack(">HH", struct.pack(">f", -999.0)), "f32", -999),
    ],
    ids=["as the manual has it", "with its sign", "u16", "nought", "s32", "f32"],
)
async def test_a_register_that_means_no_probe_is_no_number(
    registers: tuple[int, ...], kind: str, sentinel: int
) -> None:
    async with a_bus(ModbusPeer(registers), a_point(kind=kind, scale=0.001, sentinels=[sentinel])) as (peer, source):
        assert told(await source.poll()) == ["no_probe"]
        peer.registers = (1,) * len(registers)
        assert isinstance(told(await source.poll())[0], float)


@pytest.mark.parametrize(
    ("word", "said"), [(0x0003, "probe_error"), (0x1203, "probe_error"), (0x0300, 47.1), (0x0002, 47.1)]
)
async def test_a_controllers_word_on_its_probe_stands_above_the_number(word: int, said: str | float) -> None:
    """Dixell's XJP60D leaves 47.1 °C in the register of a probe whose state is 3."""
    point = a_point(scale=0.1, status={"address": 1, "mask": 0xFF, "bad": [3]})
    async with a_bus(ModbusPeer((471, word)), point) as (_, source):
        assert told(await source.poll()) == [pytest.approx(said) if isinstance(said, float) else said]


async def test_the_word_on_a_probe_may_be_an_alarm_bit() -> None:
    point = a_point(status={"address": 1, "function": 2, "bad": [1]})
    async with a_bus(ModbusPeer((45,), coils=(False, True)), point) as (_, source):
        assert told(await source.poll()) == ["probe_error"]
    point["status"]["address"] = 0
    async with a_bus(ModbusPeer((45,), coils=(False, True)), point) as (_, source):
        assert told(await source.poll()) == [45.0]


async def test_a_value_whose_status_cannot_be_read_is_not_trusted() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(status={"address": 999, "bad": [3]})) as (_, source):
        assert told(await source.poll()) == ["exception_2"]


async def test_an_answer_of_another_unit_is_none() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(2), a_point(1), timeout_s=0.5) as (peer, source):
        peer.strangers.add(2)
        assert told(await source.poll()) == ["timeout", 45.0]


async def test_a_register_that_is_not_there_is_the_fault_of_its_sensor_alone() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(address=999), a_point()) as (_, source):
        assert told(await source.poll()) == ["exception_2", 45.0]


async def test_a_refusing_unit_leaves_the_other_units_alone() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(1), a_point(2), a_point(3)) as (peer, source):
        peer.refusing[2] = ExcCodes.DEVICE_BUSY
        assert told(await source.poll()) == [45.0, "exception_6", 45.0]


async def test_a_silent_unit_leaves_the_other_units_alone() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(2), a_point(1), timeout_s=0.5) as (peer, source):
        peer.silent.add(2)
        assert told(await source.poll()) == ["timeout", 45.0]


async def test_a_silent_unit_is_asked_once_a_poll() -> None:
    points = (a_point(2), a_point(2), a_point(1), a_point(2))
    async with a_bus(ModbusPeer((45,)), *points, timeout_s=0.5) as (peer, source):
        peer.silent.add(2)
        assert told(await source.poll()) == ["timeout", "timeout", 45.0, "timeout"]
        assert peer.asked == [2, 1]


async def test_a_unit_its_gateway_calls_silent_is_asked_once_a_poll() -> None:
    async with a_bus(ModbusPeer(), a_point(2), a_point(2)) as (peer, source):
        peer.refusing[2] = ExcCodes.GATEWAY_NO_RESPONSE
        assert told(await source.poll()) == ["exception_11", "exception_11"]
        assert peer.asked == [2]


async def test_a_silent_unit_is_heard_again_when_it_is_back() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(2), a_point(1), timeout_s=0.5) as (peer, source):
        peer.silent.add(2)
        await source.poll()
        peer.silent.clear()
        assert told(await source.poll()) == [45.0, 45.0]


async def test_one_connection_serves_all_polls() -> None:
    async with a_bus(ModbusPeer(), a_point(1), a_point(2)) as (peer, source):
        for _ in range(3):
            await source.poll()
        assert peer.connections == 1


async def test_silent_units_never_cost_the_connection() -> None:
    """pymodbus on its own hangs up after a few silent requests."""
    points = [a_point(unit) for unit in (2, 3, 4, 5, 6, 1)]
    async with a_bus(ModbusPeer((45,)), *points, timeout_s=0.5) as (peer, source):
        peer.silent.update({2, 3, 4, 5, 6})
        assert told(await source.poll()) == ["timeout"] * 5 + [45.0]
        assert peer.connections == 1


async def test_a_gateway_none_of_whose_units_answers_is_connected_to_anew() -> None:
    async with a_bus(ModbusPeer((45,)), a_point(1), timeout_s=0.5) as (peer, source):
        peer.silent.add(1)
        assert told(await source.poll()) == ["timeout"]
        peer.silent.clear()
        assert told(await source.poll()) == [45.0]
        assert peer.connections == 2


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = a_source(unused.getsockname()[1], a_point())
        with pytest.raises(SensorError, match="unreachable"):
            await source.poll()


async def test_a_connection_lost_in_the_middle_of_a_request_is_unreachable() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        source = a_source(server.sockets[0].getsockname()[1], a_point(), timeout_s=0.5)
        with pytest.raises(SensorError, match="unreachable"):
            await source.poll()


async def test_the_frame_dumps_of_the_library_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with a_bus(ModbusPeer(), a_point(2), timeout_s=0.5) as (peer, source):
        peer.silent.add(2)
        await source.poll()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
async def plain_loop() -> None:
    """anyio's runner catches what the loop reports; here it goes to asyncio's log, as in the core."""
    asyncio.get_running_loop().set_exception_handler(None)


@asynccontextmanager
async def a_liar(pdu: bytes) -> AsyncIterator[ModbusSource]:
    """A gateway that answers every request with these bytes after a right header."""

    conversations: set[asyncio.Task[None] | None] = set()

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.current_task())
        try:
            while request := await reader.read(12):
                writer.write(request[:4] + struct.pack(">H", len(pdu) + 1) + request[6:7] + pdu)
        except ConnectionError:
            pass  # the driver hung up on such an answer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(lie, "127.0.0.1", 0)
    source = a_source(server.sockets[0].getsockname()[1], a_point(), timeout_s=0.5)
    try:
        yield source
    finally:
        await source.close()
        server.close()
        # Here the server's closing waits for nobody; what still talks when the loop ends would be reported elsewhere.
        running = {task for task in conversations if task is not None}
        if running:
            await asyncio.wait(running, timeout=5)


@pytest.mark.usefixtures("plain_loop")
@pytest.mark.parametrize(
    "pdu",
    [b"\x04\x02\x00\x2d", b"\x84\x02", b"\x03\x03\x00\x2d\x00", b"\x03\x01\x00\x2d"],
    ids=["another function", "a refusal of another function", "three bytes", "one byte"],
)
async def test_an_answer_to_something_else_is_a_bad_answer(pdu: bytes) -> None:
    async with a_liar(pdu) as source:
        assert told(await source.poll()) == ["bad_answer"]


@pytest.mark.usefixtures("plain_loop")
@pytest.mark.parametrize("pdu", [b"\x80\x02", b"\x2b\x0e", b"\x00\x02"], ids=["0x80", "0x2b", "0"])
async def test_a_frame_that_cannot_be_decoded_stays_out_of_the_log(
    pdu: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_liar(pdu) as source:
        with pytest.raises(SensorError, match="unreachable"):
            await source.poll()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("plain_loop")
async def test_other_errors_of_the_event_loop_stay_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    a_source(502, a_point())
    asyncio.get_running_loop().call_exception_handler({"message": "oops", "exception": ValueError("mine")})
    assert "oops" in caplog.text


@pytest.mark.parametrize("host", ["host:99999", "host:x", ":502", "a..b"])
def test_an_impossible_address_is_a_mistake_of_the_configuration(host: str) -> None:
    with pytest.raises(ConfigError):
        ModbusSource(ModbusSettings(id="bus", url=f"tcp://{host}"), (), FakeClock())
