"""The console's only way to a core: the manage API over its Unix socket or over TCP. Knows no screen.

Whatever arrives is made harmless here, before anybody else sees it.

ClientError
 ├─ LostError      nobody answers, or not in time; `cause` says how, in a word of the screens
 ├─ DeniedError    the core does not let this caller in
 ├─ AlienError     what answers is not this contract: another version, or something else
 └─ RefusedError   the core refuses this request and says why
"""

import asyncio
import errno
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from cdg_tui.text import safe, safe_document
from core import wire, wire_endpoints, wire_history

LOCAL_DEADLINE_S: Final = 2.0
REMOTE_DEADLINE_S: Final = 8.0
SENDING_DEADLINE_S: Final = 45.0  # one attempt may take 30 s, and wait for its turn before
LARGEST_ANSWER: Final = 16 * 2**20
PAGE: Final = 250
MOST_DRAINED: Final = 10_000  # as many as one drain may name
MOST_PAGES: Final = 40  # of cases; an answer that always promises another page must not fill the memory
_BASE: Final = "/api/manage"


class _Named(msgspec.Struct):
    id: str


class _Names(msgspec.Struct):
    items: tuple[_Named, ...]


Answer = TypeVar("Answer", bound=msgspec.Struct)
Query = Mapping[str, str | int | bool]


class ClientError(Exception):
    """Base of the tree; `cause` is a key of the words' group `cause`, `detail` what more there is to say."""

    def __init__(self, cause: str, detail: str = ""):
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause, self.detail = cause, detail


class LostError(ClientError):
    """No answer."""


class DeniedError(ClientError):
    """401 or 403, or the socket itself may not be opened."""


class AlienError(ClientError):
    """An answer that this console can't read."""


class RefusedError(ClientError):
    """A problem+json answer; `cause` is its stable code, `drain_id` the drain that is in the way, where one is."""

    def __init__(self, status: int, code: str, detail: str, drain_id: str | None = None):
        super().__init__(code, detail)
        self.status, self.drain_id = status, drain_id


class Client:
    """One core. `deadline_s` is how long an answer may take in all."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        token: str | None = None,
        deadline_s: float = REMOTE_DEADLINE_S,
    ):
        self._deadline_s = deadline_s
        self._ids: dict[str, str] = {}  # of the endpoints, by how they are shown
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            timeout=None,  # noqa: S113 - one deadline for the whole call, in _ask
            follow_redirects=False,
            trust_env=False,
            headers={"authorization": f"Bearer {token}"} if token is not None else {},
            event_hooks={"response": [_without_location]},
        )

    async def close(self) -> None:
        await self._http.aclose()

    # -- looking ---------------------------------------------------------------------------------------------------

    async def status(self) -> wire.Status:
        return await self._get("status", wire.Status)

    async def cabinets(self) -> wire.Cabinets:
        return await self._get("cabinets", wire.Cabinets)

    async def open_cases(self) -> tuple[wire.CaseItem, ...]:
        """All of them, page after page."""
        items: list[wire.CaseItem] = []
        more: Query = {}
        for _ in range(MOST_PAGES):
            page = await self._get("cases", wire.Cases, {"open": True, "limit": PAGE, **more})
            items += page.items
            if page.next is None:
                break
            more = {"cursor": page.next}
        return tuple(items)

    async def retries(self, query: Query) -> wire.Retries:
        """One page of the whole list, or of what changed: `cursor`, or `since_seq` with `epoch`."""
        return await self._get("webhooks/retries", wire.Retries, {"limit": PAGE, **query})

    async def retry_detail(self, delivery_id: str) -> wire.RetryDetail:
        return await self._get(f"webhooks/retries/{delivery_id}", wire.RetryDetail)

    async def endpoints(self) -> wire_endpoints.Endpoints:
        data = await self._ask("GET", "webhooks/endpoints", deadline_s=self._deadline_s)
        found = _read(data, wire_endpoints.Endpoints)
        self._ids = {safe(one.id): one.id for one in msgspec.json.decode(data, type=_Names).items}
        return found

    async def history(self, sensor: str, since: datetime, until: datetime, step_s: int) -> wire_history.History:
        query: Query = {"sensor": sensor, "since": since.isoformat(), "until": until.isoformat(), "step_s": step_s}
        return await self._get("readings/history", wire_history.History, query)

    async def drain_result(self, drain_id: str) -> wire.DrainResult:
        return await self._get(f"webhooks/drains/{_part(drain_id)}", wire.DrainResult)

    async def preview_drain(self) -> wire.DrainResult:
        """What `drain` would send now; sends nothing."""
        return await self._post(
            "webhooks/retries/drain", wire.DrainResult, wire.Drain(only_due=False, limit=MOST_DRAINED, dry_run=True)
        )

    # -- acting ----------------------------------------------------------------------------------------------------

    async def drain(self, delivery_ids: tuple[str, ...]) -> wire.DrainResult:
        """Send these now, due or not; returns at once, `drain_result` tells how far it is."""
        request = wire.Drain(only_due=False, delivery_ids=delivery_ids, time_budget_s=0)
        return await self._post("webhooks/retries/drain", wire.DrainResult, request)

    async def retry(self, delivery_id: str) -> wire.RetryItem:
        """Send one now and wait for what becomes of it."""
        path = f"webhooks/retries/{delivery_id}/retry"
        return await self._post(path, wire.RetryItem, deadline_s=SENDING_DEADLINE_S)

    async def stop_drain(self, drain_id: str) -> wire.DrainResult:
        """What it has not come to stays as it was."""
        return await self._post(f"webhooks/drains/{_part(drain_id)}/stop", wire.DrainResult)

    async def requeue(self, delivery_id: str) -> wire.RetryItem:
        return await self._post(f"webhooks/retries/{delivery_id}/requeue", wire.RetryItem)

    async def cancel(self, delivery_id: str) -> wire.RetryItem:
        """Give it up for good."""
        return await self._post(f"webhooks/retries/{delivery_id}/cancel", wire.RetryItem)

    async def recover(self, body: wire_endpoints.Recover) -> wire_endpoints.Recovered:
        """As many as there are: each is written to disk before the answer."""
        path = "webhooks/retries/recover"
        return await self._post(path, wire_endpoints.Recovered, body, deadline_s=SENDING_DEADLINE_S)

    async def pause(self, endpoint: str, body: wire_endpoints.Pause) -> wire_endpoints.EndpointItem:
        return await self._post(f"{self._endpoint(endpoint)}/pause", wire_endpoints.EndpointItem, body)

    async def resume(self, endpoint: str, body: wire_endpoints.Resume) -> wire_endpoints.EndpointItem:
        return await self._post(f"{self._endpoint(endpoint)}/resume", wire_endpoints.EndpointItem, body)

    async def test(self, endpoint: str) -> wire_endpoints.EndpointTest:
        """Send one test event there now and wait for what becomes of it."""
        path = f"{self._endpoint(endpoint)}/test"
        return await self._post(path, wire_endpoints.EndpointTest, deadline_s=SENDING_DEADLINE_S)

    def _endpoint(self, shown: str) -> str:
        """Its path, by the name that it has in the core."""
        return f"webhooks/endpoints/{_part(self._ids.get(shown, shown))}"

    async def acknowledge(self, case_id: str, body: wire.Acknowledge) -> wire.CaseItem:
        return await self._post(f"cases/{case_id}/acknowledge", wire.CaseItem, body)

    async def handle(self, case_id: str, body: wire.Handle) -> wire.CaseItem:
        return await self._post(f"cases/{case_id}/handle", wire.CaseItem, body)

    async def acknowledge_damage(self, body: wire.Seen) -> wire.DurabilityInfo:
        return await self._post("durability/acknowledge", wire.DurabilityInfo, body)

    # -- the call --------------------------------------------------------------------------------------------------

    async def _get(self, path: str, answer: type[Answer], query: Query | None = None) -> Answer:
        return _read(await self._ask("GET", path, query=query, deadline_s=self._deadline_s), answer)

    async def _post(
        self, path: str, answer: type[Answer], body: wire.Body | None = None, deadline_s: float | None = None
    ) -> Answer:
        return _read(await self._ask("POST", path, body=body, deadline_s=deadline_s or self._deadline_s), answer)

    async def _ask(
        self, method: str, path: str, *, query: Query | None = None, body: wire.Body | None = None, deadline_s: float
    ) -> bytes:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"content-type": "application/json"}
        request = self._http.build_request(method, f"{_BASE}/{path}", params=query, content=content, headers=headers)
        try:
            async with asyncio.timeout(deadline_s):
                status, data = await self._exchange(request)
        except TimeoutError as error:
            raise LostError("timeout") from error
        except (httpx.HTTPError, OSError, ValueError, RuntimeError) as error:
            # Not only httpx's own: a host name that can't be encoded, say, comes through as it is.
            raise _unreachable(error) from error
        if not 200 <= status < 300:
            raise _refusal(status, data)
        return data

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        answer = await self._http.send(request, stream=True)
        try:
            data = bytearray()
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > LARGEST_ANSWER:
                    raise AlienError("alien", f"> {LARGEST_ANSWER} bytes")
            return answer.status_code, bytes(data)
        finally:
            await answer.aclose()


def _read(data: bytes, answer: type[Answer]) -> Answer:
    try:
        return msgspec.convert(safe_document(msgspec.json.decode(data)), answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AlienError("alien", safe(str(error), 200)) from error


def _part(text: str) -> str:
    """One part of a path, whatever stands in it; of dots alone there would be nothing left."""
    return quote(text, safe="").replace(".", "%2E")


async def _without_location(answer: httpx.Response) -> None:
    """httpx parses a redirect's target even where it follows none, and raises for one that is no URL."""
    answer.headers.pop("location", None)


def _unreachable(error: Exception) -> ClientError:
    """Which of the ways not to get an answer it was."""
    causes = list(_causes(error))
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        return LostError(
            "tls", safe(tls.reason or str(tls), 200)
        )  # before the numbers: its own are none of the system's
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if numbers & {errno.EACCES, errno.EPERM}:
        return DeniedError("no_permission")
    if errno.ENOENT in numbers:
        return LostError("no_socket")
    if errno.ECONNREFUSED in numbers:
        return LostError("refused")
    if isinstance(error, httpx.LocalProtocolError):
        return LostError("broken_off")  # its text quotes our own request, the token too
    if isinstance(error, httpx.RequestError) and not isinstance(error, httpx.ConnectError):
        return LostError("broken_off", safe(str(error), 200))
    return LostError("unreachable", safe(str(error), 200))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """It and all that led to it; where several addresses were tried, what each of them said."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def _refusal(status: int, data: bytes) -> ClientError:
    try:
        problem = msgspec.convert(safe_document(msgspec.json.decode(data)), wire.ProblemDetails)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return DeniedError("denied") if status in {401, 403} else LostError("http_error", str(status))
    if status in {401, 403}:
        return DeniedError("denied", problem.detail)
    return RefusedError(status, problem.code, problem.detail, problem.drain_id)
