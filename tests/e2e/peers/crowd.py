"""A crowd at a TCP port, till it is ended: slow callers, idle ones and a flood of bad tokens. Says how much it did.

crowd.py PORT TOKEN SLOW IDLE FLOODERS
"""

import asyncio
import contextlib
import sys

BAD = b"GET /api/manage/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer cdg_%d\r\n\r\n"
HEAD = b"GET /api/manage/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 600
LIST = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
BODY = (
    "POST /api/manage/webhooks/retries/drain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Authorization: Bearer {token}\r\nContent-Length: 600\r\n\r\n"
)


class Crowd:
    def __init__(self, port: int, token: str):
        self.port = port
        self.began = [  # what is sent at once, and what by the byte
            (b"", HEAD),
            (BODY.format(token=token).encode(), b" " * 600),
            (LIST.format(token=token).encode() * 20, b""),
        ]
        self.answered = self.connected = 0

    async def slow(self, kind: int) -> None:
        """A byte a second, of a head, of a body, or of the answers; again when it is cut."""
        at_once, slowly = self.began[kind % len(self.began)]
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1)
                self.connected += 1
                with contextlib.closing(writer):
                    writer.write(at_once)
                    for byte in slowly or at_once:
                        writer.write(bytes([byte]) if slowly else b"")
                        with contextlib.suppress(TimeoutError):
                            if await asyncio.wait_for(reader.read(1), 1) == b"":
                                break
            await asyncio.sleep(0.1)

    async def idle(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.connected += 1
                with contextlib.closing(writer):
                    await reader.read()
            await asyncio.sleep(1)

    async def flood(self) -> None:
        number = 0
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.connected += 1
                with contextlib.closing(writer):
                    writer.write(BAD % (number := number + 1))
                    self.answered += b" 401 " in await reader.read(200)

    async def tell(self) -> None:
        while True:
            await asyncio.sleep(1)
            print(f"{self.connected} connections, {self.answered} refusals", flush=True)
            self.connected = self.answered = 0


async def main(port: int, token: str, slow: int, idle: int, flooders: int) -> None:
    crowd = Crowd(port, token)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.tell())
        for number in range(slow):
            group.create_task(crowd.slow(number))
        for _ in range(idle):
            group.create_task(crowd.idle())
        for _ in range(flooders):
            group.create_task(crowd.flood())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])))
