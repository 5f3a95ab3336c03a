"""A peer that takes its time, and requests to it that are cut off. As a program: very many of them, each in another moment of
its exchange, and then whether one more gets its answer. Sockets that were just being opened are left to Python to close,
which a test run would complain of.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx

from core.renewing import RenewingTransport

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"


class Peer:
    """Answers after `wait_s`. `opened` is how many connections it has had, `open` how many it has."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self.opened = self.open = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened, self.open = self.opened + 1, self.open + 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if self.wait_s:  # but never longer than somebody waits for it
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self.wait_s):
                            await reader.read(1)
                writer.write(ANSWER)
                await writer.drain()
        self.open -= 1
        writer.close()


@contextlib.asynccontextmanager
async def a_peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield peer


async def asked(transport: httpx.AsyncBaseTransport, url: str, within_s: float) -> bytes | None:
    """The whole answer; None where it did not come in time."""
    try:
        async with asyncio.timeout(within_s):
            answer = await transport.handle_async_request(httpx.Request("GET", url))
            try:
                return await answer.aread()
            finally:
                await answer.aclose()
    except TimeoutError:
        return None


async def main() -> None:
    async with a_peer() as peer:
        transport = RenewingTransport(kept=4)
        peer.wait_s = 0.003
        for turn in range(60):
            await asyncio.gather(*(asked(transport, peer.url, 0.0005 + 0.0001 * (turn + n)) for n in range(6)))
        peer.wait_s = 0.0
        print(await asked(transport, peer.url, 5.0))
        await transport.aclose()


if __name__ == "__main__":
    asyncio.run(main())
