"""What an answer may cost in memory, measured from outside on a process of its own."""

import asyncio
import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from tests.receivers import Flood, a_receiver, answers

pytestmark = pytest.mark.anyio

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.core.webhooks.factories import a_delivery, a_sender

def kib(key):
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1])

async def main(warm_up, url):
    async with a_sender(warm_up) as sender:
        await sender.send(a_delivery(), 1)
    async with a_sender(url) as sender:
        before = kib("VmRSS")
        for number in range(1, 6):
            print(await sender.send(a_delivery(), number))
        print(kib("VmHWM") - before)

asyncio.run(main(*sys.argv[1:]))
"""
BOMB = gzip.compress(bytes(200 * 1024 * 1024))
MOST_KIB = 10_000


@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
@pytest.mark.parametrize("kind", ["flood", "bomb"])
async def test_no_answer_costs_ten_megabytes(status: str, kind: str) -> None:
    """Neither 200 MB as they are, nor 200 MB compressed to 200 KB, five times over."""
    head = f"HTTP/1.1 {status}\r\ncontent-length: 209715200\r\n\r\n".encode()
    behaviour = Flood(head) if kind == "flood" else answers(status, "content-encoding: gzip", body=BOMB)
    async with a_receiver() as calm, a_receiver(behaviour) as receiver:
        *outcomes, grown = (await told(calm.url, receiver.url)).splitlines()
    assert (len(outcomes), sum(f"http_status={status[:3]}" in one for one in outcomes)) == (5, 5)
    assert int(grown) < MOST_KIB


async def told(*urls: str) -> str:
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *urls, cwd=root, stdout=subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
