"""Addresses of 127.0.0.1 at which nobody answers, and resolvers that know only what a test says."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

from core.webhooks.transport import Address, Resolver


@contextlib.contextmanager
def a_black_hole() -> Iterator[int]:
    """A port where connecting never comes to an end: its queue is full, and the kernel drops what asks to get in."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port: int = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for one in waiting:
                one.close()


@contextlib.contextmanager
def a_strict_server(tls: ssl.SSLContext) -> Iterator[int]:
    """A port where whoever shows no certificate of `tls`'s authority is told so and sent away; asyncio's own server would
    leave without a word.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer.dup() as line, contextlib.suppress(OSError):
                try:
                    tls.wrap_socket(peer, server_side=True).close()
                finally:
                    while line.recv(4096):  # what is left unread would reset the line before the word has come through
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5.0)


def a_closed_port() -> int:
    """Where a connection is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def leads_to(*ports: int) -> Resolver:
    """Every name has these ports of 127.0.0.1 for its addresses."""

    async def resolve(host: str, port: int) -> list[Address]:
        return [(socket.AF_INET, ("127.0.0.1", one)) for one in ports]

    return resolve


def knows_no_name(errno: int) -> Resolver:
    """Fails as getaddrinfo does."""

    async def resolve(host: str, port: int) -> list[Address]:
        raise socket.gaierror(errno, f"no address of {host}")

    return resolve
