"""A Modbus TCP gateway or controller: one connection, one request after the other, reading only.

A unit that is silent or refuses is the fault of its own sensors; only the lost connection is the fault of all.
"""

import logging
import math
from typing import Final
from urllib.parse import urlsplit

import msgspec
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from core.clock import Clock
from core.errors import ConfigError, SensorError
from core.samples import Sample
from core.settings import POINT_TYPES, ModbusPoint, ModbusStatus, Sensor
from core.settings import ModbusSource as ModbusSettings

DEFAULT_PORT: Final = 502
_TIMEOUT: Final = "timeout"

# Faults after which a unit isn't asked again in this poll; 10 and 11 are a gateway's words for a unit that is silent.
_SILENT: Final = frozenset({_TIMEOUT, "exception_10", "exception_11"})

_Type = AsyncModbusTcpClient.DATATYPE
_TYPES: Final = {
    "s16": _Type.INT16,
    "u16": _Type.UINT16,
    "s32": _Type.INT32,
    "u32": _Type.UINT32,
    "f32": _Type.FLOAT32,
    "bit": _Type.UINT16,
}

# The library closes a connection after some silent requests, which one dead unit alone would reach; this driver decides.
_NEVER: Final = 1_000_000_000


def _not_the_librarys(record: logging.LogRecord) -> bool:
    """A frame that pymodbus can't decode it raises into asyncio, which would log a traceback at each poll."""
    return not (record.exc_info and isinstance(record.exc_info[1], ModbusException))


class _WholeRegisters(ReadHoldingRegistersResponse):
    """The library takes an odd byte count for the even one below or above it; here such an answer has no registers."""

    def decode(self, data: bytes) -> None:
        super().decode(data)
        if data[0] != 2 * len(self.registers):
            self.registers = []


class _WholeInputRegisters(_WholeRegisters):
    function_code = ReadInputRegistersResponse.function_code


class ModbusSource:
    """One gateway with its units."""

    simulated = False

    def __init__(self, settings: ModbusSettings, sensors: tuple[Sensor, ...], clock: Clock):
        # It dumps frames at ERROR for every silent unit.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        logging.getLogger("asyncio").addFilter(_not_the_librarys)
        self._host, self._port = _address(settings)
        self._timeout_s, self._clock = settings.timeout_s, clock
        self._points = [(sensor.id, _point(sensor)) for sensor in sensors]
        self._client: AsyncModbusTcpClient | None = None

    async def poll(self) -> list[Sample]:
        client = await self._connected()
        samples = []
        silent: dict[int, str] = {}
        for sensor, point in self._points:
            answer = silent.get(point.unit) or await self._measured(client, point)
            value, fault = (None, answer) if isinstance(answer, str) else (answer, None)
            if fault in _SILENT:
                silent[point.unit] = fault
            at, steady_s = self._clock.now(), self._clock.steady()
            samples.append(Sample(sensor=sensor, at=at, steady_s=steady_s, value=value, fault=fault))
        if all(sample.fault == _TIMEOUT for sample in samples):
            # Perhaps it isn't the units: a gateway that lost its power leaves a connection that only looks alive.
            self._drop()
        return samples

    async def close(self) -> None:
        self._drop()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            self._drop()
            self._client = client = AsyncModbusTcpClient(
                self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0
            )
            client.register(_WholeRegisters)
            client.register(_WholeInputRegisters)
            client.set_max_no_responses(_NEVER)
            if not await client.connect():
                raise self._unreachable()
        return self._client

    async def _measured(self, client: AsyncModbusTcpClient, point: ModbusPoint) -> float | str:
        """The value, or the fault; what a controller says of its probe stands above the number that it left."""
        value = await self._read(client, point)
        if isinstance(value, str) or point.status is None:
            return value
        # Asked after the value: a probe that breaks between the two is known as broken.
        word = await self._read(client, _status_point(point, point.status))
        if isinstance(word, str):
            return word
        return "probe_error" if int(word) & point.status.mask in point.status.bad else value

    async def _read(self, client: AsyncModbusTcpClient, point: ModbusPoint) -> float | str:
        """The value, or the fault."""
        try:
            answer = await _request(client, point)
        except ModbusException as exc:
            if client.connected:
                return _TIMEOUT
            raise self._unreachable() from exc
        if answer.function_code & 0x7F != point.function:
            return "bad_answer"
        return f"exception_{answer.exception_code}" if answer.isError() else _value(answer, point)

    def _unreachable(self) -> SensorError:
        self._drop()
        return SensorError("unreachable", f"{self._host}:{self._port}")

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _address(settings: ModbusSettings) -> tuple[str, int]:
    key = f"sources.{settings.id}.url"
    try:
        parts = urlsplit(settings.url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError as exc:
        raise ConfigError("not a host and a port from 1 to 65535", key=key) from exc
    if not host:
        raise ConfigError("the host is missing", key=key)
    return host, DEFAULT_PORT if port is None else port


def _point(sensor: Sensor) -> ModbusPoint:
    point: ModbusPoint = msgspec.convert(sensor.point, POINT_TYPES[ModbusSettings])
    return point


def _status_point(point: ModbusPoint, status: ModbusStatus) -> ModbusPoint:
    return ModbusPoint(unit=point.unit, function=status.function or point.function, address=status.address, type="u16")


async def _request(client: AsyncModbusTcpClient, point: ModbusPoint) -> ModbusPDU:
    words = _TYPES[point.type].value[1]
    match point.function:
        case 1:
            return await client.read_coils(point.address, count=1, device_id=point.unit)
        case 2:
            return await client.read_discrete_inputs(point.address, count=1, device_id=point.unit)
        case 3:
            return await client.read_holding_registers(point.address, count=words, device_id=point.unit)
        case 4:
            return await client.read_input_registers(point.address, count=words, device_id=point.unit)


def _value(answer: ModbusPDU, point: ModbusPoint) -> float | str:
    number = _bit(answer) if point.function in (1, 2) else _register(answer, point)
    if number is None:
        return "bad_answer"
    if _is_sentinel(number, point):
        return "no_probe"
    value = float(number) * point.scale
    return value if math.isfinite(value) else "not_a_number"


def _is_sentinel(number: float, point: ModbusPoint) -> bool:
    """As it was read, or as the word that manuals give."""
    return number in point.sentinels or number % 2 ** (16 * _TYPES[point.type].value[1]) in point.sentinels


def _bit(answer: ModbusPDU) -> int | None:
    return int(answer.bits[0]) if answer.bits else None


def _register(answer: ModbusPDU, point: ModbusPoint) -> float | None:
    kind = _TYPES[point.type]
    if len(answer.registers) != kind.value[1]:
        return None
    number = AsyncModbusTcpClient.convert_from_registers(list(answer.registers), kind)
    if not isinstance(number, int | float):
        return None
    return int(number) & 1 if point.type == "bit" else number
