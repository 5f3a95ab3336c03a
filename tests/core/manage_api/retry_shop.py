"""The routes of retries, endpoints and metrics over a running station, and a caller on the socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from core.audit import Deed
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.endpoints import EndpointHandlers, endpoint_routes
from core.manage_api.parts import Parts
from core.manage_api.retries import retry_routes
from core.settings import Access, Device, Endpoint, LoadedSettings, Settings, Webhooks
from core.webhooks.escalation import Escalation
from tests.core.manage_api.sample_routes import a_client
from tests.core.webhooks.factories import Station, a_station

RETRIES, DRAINS = "/api/manage/webhooks/retries", "/api/manage/webhooks/drains"


class RetryShop:
    """What `client` asks is answered by the parts of `station`."""

    def __init__(self, directory: Path, station: Station, endpoints: tuple[Endpoint, ...]):
        self.station = station
        settings = Settings(
            device=Device(id="box", site="site"),
            sources=(),
            cabinets=(),
            sensors=(),
            webhooks=Webhooks(endpoints=endpoints),
        )
        loaded = LoadedSettings(
            settings=settings, path=directory / "config.toml", tokens_file=directory / "tokens.toml"
        )
        none: Any = None  # what these routes don't look at
        self.parts = parts = Parts(
            loaded=loaded,
            clock=station.clock,
            device=none,
            monitor=none,
            book=none,
            queue=station.queue,
            dispatcher=station.dispatcher,
            drains=station.drains,
            escalation=Escalation(station.queue, station.dispatcher, settings.webhooks, station.clock),
            journals={},
            archive=none,
            audit=none,
            authenticator=none,
            history=none,
            troubles=dict,
            disk=lambda: None,
        )
        routes = (*retry_routes(parts), *endpoint_routes(EndpointHandlers(parts)))
        self.app = build_app(routes, Authenticator(Access(), loaded.tokens_file, station.clock), self._record)
        self.deeds: list[Deed] = []
        self.client = a_client(self.app)

    async def _record(self, deed: Deed) -> None:
        self.deeds.append(deed)

    async def drain(self, body: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post(f"{RETRIES}/drain", json=body or {}, headers=headers)


@asynccontextmanager
async def a_retry_shop(directory: Path, *endpoints: Endpoint, **given: Any) -> AsyncIterator[RetryShop]:
    async with a_station(directory, *endpoints, **given) as station:
        shop = RetryShop(directory, station, endpoints)
        async with shop.client:
            yield shop
