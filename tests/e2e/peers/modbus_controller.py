"""A refrigeration controller on Modbus TCP: `modbus_controller.py PORT VALUE`. Holding register 2575 of unit 3 is the
number in the file VALUE, in tenths of a degree.
"""

import asyncio
import sys
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

UNIT = 3
AIR = 2575


async def main() -> None:
    port, value = int(sys.argv[1]), Path(sys.argv[2])

    async def measure(
        function: int, start: int, address: int, count: int, registers: list[int], set_values: object
    ) -> ExcCodes | None:
        registers[AIR - start] = round(float(value.read_text()) * 10) & 0xFFFF
        return None

    device = SimDevice(id=UNIT, simdata=[SimData(AIR, values=[0], datatype=DataType.INT16)], action=measure)
    await ModbusTcpServer([device], address=("127.0.0.1", port)).serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
