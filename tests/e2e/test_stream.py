"""The stream of a running core: its news as they happen, and its end with the core's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from httpx_sse import EventSource, ServerSentEvent

from tests.e2e.conftest import Core, free_port
from tests.e2e.shops import BUSY, SECRET

STREAM = "/api/manage/stream"


@contextmanager
def listening(core: Core, last_id: str = "") -> Iterator[Iterator[ServerSentEvent]]:
    transport = httpx.HTTPTransport(uds=str(core.data / "manage.sock"))
    headers = {"last-event-id": last_id} if last_id else {}
    with (
        httpx.Client(transport=transport, base_url="http://localhost", timeout=20, headers=headers) as client,
        client.stream("GET", STREAM) as answer,
    ):
        yield EventSource(answer).iter_sse()


def test_news_comes_until_the_core_ends(core: Callable[..., Core]) -> None:
    """A case from its opening to its end, its deliveries, its cabinet; then SIGTERM ends core and stream at once, and the
    next run says that the lists are to be read again.
    """
    box = core(BUSY.format(receiver=free_port(), secret=SECRET))
    box.start()
    assert "guarding" in [item["text"] for item in box.get("log")["items"]]
    seen: dict[str, list[Any]] = {}
    with listening(box) as events:
        hello = next(events)
        assert hello.event == "hello"
        while not (closed := whole_cases(seen)) or not {"case", "retry", "cabinet", "status"} <= seen.keys():
            event = next(events)
            seen.setdefault(event.event, []).append(event.json())
            hello = event
        began = time.monotonic()
        assert box.stop(seconds=3) == 0
        assert time.monotonic() - began < 3
        left = list(events)
    assert closed
    assert not {event.event for event in left} & {"reset", "hello"}
    assert "Traceback" not in box.said
    box.start()
    with listening(box, hello.id) as events:
        assert next(events).json() == {"reason": "unknown_id"}


def whole_cases(seen: dict[str, list[Any]]) -> set[str]:
    """Those that were told active and later cleared."""
    told: dict[str, set[str]] = {}
    for item in seen.get("case", []):
        told.setdefault(item["case_id"], set()).add(item["condition"])
    return {case_id for case_id, conditions in told.items() if {"active", "cleared"} <= conditions}
