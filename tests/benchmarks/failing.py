"""Cores that no longer answer as they should, each in its way: what becomes of one that a console has heard from."""

import contextlib
import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Final

from core.places import SOCKET
from tests.e2e.conftest import Core

Trouble = Callable[[Core], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def hanging(box: Core) -> Iterator[None]:
    """Takes callers, and says nothing to any of them."""
    os.kill(box.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(box.pid, signal.SIGCONT)


@contextlib.contextmanager
def refusing(box: Core) -> Iterator[None]:
    """Its socket is there, and nobody behind it."""
    box.kill()
    yield


class _Failure(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"type":"about:blank","title":"x","status":500,"detail":"no","code":"internal_error"}'
        self.send_response(500)
        self.send_header("content-type", "application/problem+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Failing(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def failing(box: Core) -> Iterator[None]:
    """Answers everything 500."""
    box.kill()
    place = box.data / SOCKET
    place.unlink()
    with _Failing(str(place), _Failure) as server:
        answering = threading.Thread(target=server.serve_forever, args=(0.05,))
        answering.start()
        try:
            yield
        finally:
            server.shutdown()
            answering.join()


TROUBLES: Final[dict[str, Trouble]] = {"hangs": hanging, "refuses": refusing, "answers 500": failing}
