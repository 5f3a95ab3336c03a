"""The same requests sent by a bare socket and by httpx alone, nothing on disk: what the product's rate is measured by."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlsplit

import httpx

from tests.benchmarks.racing import Taken, Watch
from tests.benchmarks.receiving import NO_CONTENT

AT_ONCE: Final = 8
PIPELINED: Final = 50
BODY: Final = (b'{"type":"case.opened","data":{"note":"' + 600 * b".")[:597] + b'"}}'
HEADERS: Final = {
    "content-type": "application/json",
    "user-agent": "benchmark",
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1," + 43 * "A" + "=",
    "x-cdg-attempt": "1",
}


def headers(number: int) -> dict[str, str]:
    return {**HEADERS, "webhook-id": f"evt_{number}"}


# -- a bare socket -----------------------------------------------------------------------------------------------------


def _bytes(url: str, number: int) -> bytes:
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(BODY)}"]
    lines += [f"{name}: {value}" for name, value in headers(number).items()]
    return "\r\n".join([*lines, "", ""]).encode() + BODY


def _answered(peer: socket.socket, count: int) -> None:
    left = count * len(NO_CONTENT)
    while left:
        left -= len(peer.recv(65536))


def bare(url: str, count: int, together: int = 1) -> Taken:
    """One request and its answer after the other, on one connection; the requests are made before."""
    requests = [_bytes(url, number) for number in range(count)]
    groups = [b"".join(requests[start : start + together]) for start in range(0, count, together)]
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        watch = Watch()
        for group in groups:
            peer.sendall(group)
            _answered(peer, together)
        return watch.taken()


def pipelined(url: str, count: int) -> Taken:
    """Many requests at once: nobody keeps the receiver busier."""
    return bare(url, count, PIPELINED)


# -- httpx -------------------------------------------------------------------------------------------------------------


def httpx_async(url: str, count: int) -> Taken:
    """AsyncClient with eight connections and eight tasks."""
    return asyncio.run(_httpx_async(url, count, ahead=False))


def httpx_async_prebuilt(url: str, count: int) -> Taken:
    """The same, its requests made before the clock starts."""
    return asyncio.run(_httpx_async(url, count, ahead=True))


async def _httpx_async(url: str, count: int, *, ahead: bool) -> Taken:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=30) as client:
        requests = _requests(client, url, count, ahead=ahead)

        async def work() -> None:
            for request in requests:
                answer = await client.send(request)
                assert answer.status_code == 204

        watch = Watch()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
        return watch.taken()


def httpx_one(url: str, count: int) -> Taken:
    """One blocking client; its requests made before the clock starts."""
    return _httpx_sync(url, count, threads=1, ahead=True)


def httpx_threads(url: str, count: int) -> Taken:
    """Eight threads with a blocking client each."""
    return _httpx_sync(url, count, threads=AT_ONCE, ahead=False)


def httpx_threads_prebuilt(url: str, count: int) -> Taken:
    """The same, its requests made before the clock starts."""
    return _httpx_sync(url, count, threads=AT_ONCE, ahead=True)


def _httpx_sync(url: str, count: int, *, threads: int, ahead: bool) -> Taken:
    tls = httpx.create_ssl_context()
    clients = [httpx.Client(verify=tls, trust_env=False, timeout=30) for _ in range(threads)]
    requests = [_requests(client, url, count // threads, ahead=ahead) for client in clients]

    def work(client: httpx.Client, requests: Iterator[httpx.Request]) -> None:
        for request in requests:
            assert client.send(request).status_code == 204

    taken = in_threads([partial(work, one, its) for one, its in zip(clients, requests, strict=True)])
    for client in clients:
        client.close()
    return taken


def _requests(
    client: httpx.Client | httpx.AsyncClient, url: str, count: int, *, ahead: bool
) -> Iterator[httpx.Request]:
    made = (client.build_request("POST", url, headers=headers(number), content=BODY) for number in range(count))
    return iter(list(made)) if ahead else made


# -- threads -----------------------------------------------------------------------------------------------------------


def in_threads(works: Sequence[Callable[[], object]]) -> Taken:
    """How long they take, all at once."""
    threads = [threading.Thread(target=work) for work in works]
    watch = Watch()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return watch.taken()


class Poster(threading.local):
    """http.client of the standard library, a connection for each thread: less work than any other client that is whole."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._path, self._connection = parts.path, HTTPConnection(str(parts.hostname), parts.port, timeout=30)

    def post(self, number: int, body: bytes) -> None:
        self._connection.request("POST", self._path, body, headers(number))
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 204
