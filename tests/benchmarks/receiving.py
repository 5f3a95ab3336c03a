"""A receiver of webhooks that costs little, in a process of its own on the last core: `python -m tests.benchmarks.receiving`.

Prints its port. The path of a request says what becomes of it: `/ok` is answered 204, `/silence` never, `/drip` one byte
each 50 ms. `GET /count` tells how many requests came to `/ok`.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.request import urlopen

import pytest

from tests.core.journal.rigs import ROOT

LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
DRIP_S: Final = 0.05


class Hook(asyncio.Protocol):
    """One connection; requests may come in pieces or many at once."""

    got = 0  # of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._held = transport, b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        answers = []
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            length = LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < size:
                break
            self._held = self._held[size:]
            answers.append(self._answer(head))
        if answers:
            self._transport.write(b"".join(answers))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"POST /ok"):
            Hook.got += 1
            return NO_CONTENT
        if head.startswith(b"POST /drip"):
            self._drip(b"HTTP/1.1 200 OK\r\nx-drip: " + 1000 * b"." + b"\r\n\r\n")
        if head.startswith(b"GET /count"):
            text = b"%d" % Hook.got
            return b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text)
        return b""

    def _drip(self, left: bytes) -> None:
        if left and not self._transport.is_closing():
            self._transport.write(left[:1])
            asyncio.get_running_loop().call_later(DRIP_S, self._drip, left[1:])


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Hook, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def two_cores() -> tuple[int, int]:
    """One for who sends, another for who receives; skips the test where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("sender and receiver need a core each")
    return cores[0], cores[-1]


@dataclass(frozen=True)
class Receiving:
    """A running receiver."""

    port: int

    def url(self, path: str = "/ok") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def count(self) -> int:
        with urlopen(self.url("/count"), timeout=10) as answer:
            return int(answer.read())


@contextlib.contextmanager
def a_receiver_apart() -> Iterator[Receiving]:
    """One on a core that no sender of a benchmark uses."""
    _, core = two_cores()
    command = (sys.executable, "-m", "tests.benchmarks.receiving", str(core))
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    with running, running.stdout:
        try:
            yield Receiving(int(running.stdout.readline()))
        finally:
            running.kill()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    asyncio.run(serve())
