"""A healthy endpoint with or without an ill one beside it: `python -m tests.benchmarks.neighbours URL DIR COUNT [URL TIMEOUT]`.

Prints how long the healthy one's deliveries took, each on disk; the ill one has as many.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.benchmarks.backlogs import drain, fill
from tests.benchmarks.racing import Taken
from tests.core.webhooks.factories import an_endpoint

TIMEOUT_S: Final = 10.0


async def healthy(url: str, directory: Path, count: int, ill: list[str]) -> Taken:
    endpoints, timeout_s = [an_endpoint(url, "healthy")], TIMEOUT_S
    if ill:
        endpoints.insert(0, an_endpoint(ill[0], "ill"))
        timeout_s = float(ill[1])
    await fill(directory, {one.id: count for one in endpoints})
    return await drain(directory, endpoints, timeout_s, count)


if __name__ == "__main__":
    taken = asyncio.run(healthy(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
    print(json.dumps(asdict(taken)), flush=True)
