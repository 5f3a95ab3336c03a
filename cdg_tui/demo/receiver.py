"""A headquarters on loopback that takes webhooks, and part of the time doesn't.

In every CYCLE_S it is down from DOWN_FROM_S to DOWN_TO_S, as a shop's line or a server under maintenance is; besides, its
second address refuses every third request. By the clock and by counting, so that each demo runs alike.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Final

from cdg_tui.clock import steady

CYCLE_S: Final = 90.0
DOWN_FROM_S: Final = 22.0
DOWN_TO_S: Final = 62.0
EVERY_NTH: Final = 3
MAINTENANCE: Final = b'{"error": "maintenance (demo)"}'
OVERLOADED: Final = b'{"error": "overloaded (demo)"}'


def verdict(elapsed_s: float, path: str, number: int) -> tuple[int, bytes]:
    """What this request is answered: HTTP status and body."""
    if path == "/hq":
        down = DOWN_FROM_S <= elapsed_s % CYCLE_S < DOWN_TO_S
        return (503, MAINTENANCE) if down else (204, b"")
    return (429, OVERLOADED) if number % EVERY_NTH == 0 else (204, b"")


class Receiver:
    """Listens on a free port of 127.0.0.1 until `close`."""

    def __init__(self) -> None:
        started_s, numbers = steady(), count(1)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = verdict(steady() - started_s, self.path, next(numbers))
                self.send_response(status)
                if status != 204:
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True, name="demo receiver").start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
