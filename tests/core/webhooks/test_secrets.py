"""No secret comes out: not into a log at its most talkative, an exception, a repr, the journal or an outcome."""

import base64
import contextlib
import io
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.clock import SystemClock
from core.settings import Endpoint, Secret
from core.webhooks.sender import Sender, open_transport
from tests.core.webhooks.certificates import Authority
from tests.core.webhooks.dead_ends import a_black_hole, a_closed_port
from tests.core.webhooks.factories import OLD_SECRET, SECRET, a_delivery, a_station, an_endpoint, an_event
from tests.core.webhooks.proxies import LOGIN, Proxy, a_proxy
from tests.receivers import Receiver, a_receiver, answers, in_turn, resets_after, sends, silence

pytestmark = pytest.mark.anyio
BASIC = tuple(base64.b64encode(one.encode()).decode() for one in (LOGIN, "box:url-SECRET"))
SECRETS = ("tok-SECRET", "url-SECRET", "hdr-SECRET", "prx-SECRET", SECRET[6:], OLD_SECRET[6:], *BASIC)
BAD_PORT, BAD_HOST = 99_999_999, "[broken"


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """What any logger says, from DEBUG on."""
    said = io.StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    level, own = root.level, {name: one.level for name, one in _loggers().items()}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for logger in _loggers().values():
        logger.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)
    for name, former in own.items():
        logging.getLogger(name).setLevel(former)


def _loggers() -> dict[str, logging.Logger]:
    return {name: one for name, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)}


def secretive(place: str, name: str, **more: Any) -> Endpoint:
    """An endpoint whose every part is secret: `place` is scheme, host and port of its URL."""
    scheme, _, rest = place.partition("://")
    return an_endpoint(
        f"{scheme}://box:url-SECRET@{rest}/hook?access_token=tok-SECRET",
        name,
        secret=Secret(SECRET),
        secret_previous=Secret(OLD_SECRET),
        headers={"Authorization": Secret("Bearer hdr-SECRET")},
        **more,
    )


def failing(receiver: Receiver, secure: Receiver, proxy: Proxy, hole: int) -> list[Endpoint]:
    """One for each way in which sending fails."""
    through, other = Secret(proxy.url), Secret(f"http://{LOGIN}x@127.0.0.1:{proxy.port}")
    plain, encrypted = f"http://127.0.0.1:{receiver.port}", f"https://127.0.0.1:{secure.port}"
    return [
        secretive(plain, "answers-badly"),
        secretive(encrypted, "unknown-authority"),
        secretive(f"https://127.0.0.1:{receiver.port}", "no-tls-there"),
        secretive(f"http://127.0.0.1:{a_closed_port()}", "refused"),
        secretive(f"http://127.0.0.1:{hole}", "black-hole"),
        secretive("http://no-such-box.invalid", "no-name"),
        secretive(f"http://127.0.0.1:{BAD_PORT}", "bad-port"),
        secretive(f"http://{BAD_HOST}", "bad-host"),
        secretive(plain, "proxied", proxy=through),
        secretive(encrypted, "tunnelled", proxy=through),
        secretive(encrypted, "not-let-in", proxy=other),
        secretive(plain, "no-proxy", proxy=Secret(f"http://{LOGIN}@127.0.0.1:{a_closed_port()}")),
    ]


BEHAVIOURS = (
    answers("302 Found", "location: http://127.0.0.1/?access_token=tok-SECRET"),
    answers("500 tok", body=b"no"),
    resets_after(b""),
    sends(b"garbage\r\n\r\n"),
    silence,
)


@contextlib.asynccontextmanager
async def many_failures(folder: Path) -> AsyncIterator[list[Endpoint]]:
    """Twelve endpoints that fail each in its own way."""
    secure = Authority(folder).issue("good").server()
    with a_black_hole() as hole:
        async with (
            a_receiver(in_turn(*BEHAVIOURS)) as receiver,
            a_receiver(tls=secure) as encrypted,
            a_proxy() as proxy,
        ):
            yield failing(receiver, encrypted, proxy, hole)


async def test_no_secret_is_logged_or_kept(tmp_path: Path, everything_logged: io.StringIO) -> None:
    """By hand, twice each, with every logger at DEBUG; the journal is read as it stands on the disk."""
    event, data = an_event(), tmp_path / "data"
    data.mkdir()
    async with (
        many_failures(tmp_path) as endpoints,
        a_station(data, *endpoints, timeout_s=0.5, sending=False) as station,
    ):
        await station.dispatcher.publish(event)
        entries = [station.entry(event, endpoint.id) for endpoint in endpoints]
        for entry in entries * 2:
            await station.dispatcher.retry(entry.delivery.delivery_id, "somebody")
        assert [entry.delivery.attempts for entry in entries] == [2] * len(endpoints)
    said = everything_logged.getvalue()
    assert "httpcore" in said  # it does listen to the most talkative one
    kept = "".join(path.read_text() for path in data.rglob("*") if path.is_file())
    assert "answers-badly" in kept
    assert leaked(said, kept, repr([entry.delivery for entry in entries])) == []


async def test_no_secret_stands_in_an_outcome_or_an_error(tmp_path: Path) -> None:
    """Nor in what an error came from, nor in the text of its traceback, should one ever be shown."""
    tls = ssl.create_default_context()
    told, raised = "", 0
    async with many_failures(tmp_path) as endpoints:
        for endpoint in endpoints:
            telling = Telling(open_transport(endpoint.proxy, tls, 1))
            sender = Sender(endpoint, SystemClock(), timeout_s=0.2, connections=1, tls=tls, transport=telling)
            for number in range(len(BEHAVIOURS)):
                told += repr(await sender.send(a_delivery(), number))
            told += "".join(shown(error) for error in telling.raised) + repr(sender)
            raised += len(telling.raised)
            await sender.close()
    assert raised > 30
    assert "Failed(" in told
    assert leaked(told) == []


def shown(error: BaseException | None) -> str:
    """All that could be printed of it."""
    said = "".join(traceback.format_exception(error)) if error is not None else ""
    while error is not None:
        said += f"{error!s}{error!r}{vars(error)}"
        error = error.__cause__ or error.__context__
    return said


def leaked(*texts: str) -> list[str]:
    return [secret for secret in SECRETS for text in texts if secret in text]


class Telling(httpx.AsyncBaseTransport):
    """Keeps what the real transport raises."""

    def __init__(self, real: httpx.AsyncBaseTransport):
        self._real = real
        self.raised: list[BaseException] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._real.handle_async_request(request)
        except Exception as error:
            self.raised.append(error)
            raise

    async def aclose(self) -> None:
        await self._real.aclose()
