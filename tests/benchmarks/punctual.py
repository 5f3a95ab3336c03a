"""The whole core, which notes how late it is: `python -m tests.benchmarks.punctual CONFIG DIR`, until SIGTERM.

The Guard that `cdg-core serve` runs, with a clock that measures by how much each sleeper overslept: the turns of every
source, the beat, and one more sleeper of a hundredth of a second, so that a few seconds give enough turns to speak of one
in a thousand. All of them are in one loop: what holds one up holds up the monitoring.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from core import config
from core.guard import Guard
from tests.benchmarks.flapping import Punctuality

PROBE_S: Final = 0.01


async def watched(path: Path, directory: Path) -> list[float]:
    clock = Punctuality()
    guard = Guard(config.load(path), directory, clock)

    async def probe() -> None:
        while True:
            await clock.sleep(PROBE_S)

    async with asyncio.TaskGroup() as group:
        probing = group.create_task(probe())
        await group.create_task(guard.run())
        probing.cancel()
    return clock.late_ms


if __name__ == "__main__":
    print(json.dumps(asyncio.run(watched(Path(sys.argv[1]), Path(sys.argv[2])))), flush=True)
