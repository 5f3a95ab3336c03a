"""What the console reads over a real core when somebody asks for it: log, configuration, audit, payload, a case in full."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from cdg_tui.client import Client
from cdg_tui.errors import RefusedError
from core.places import SOCKET
from tests.e2e.conftest import Core, core, free_port, processes, wait_until
from tests.e2e.shops import FAST

__all__ = ["core", "processes"]

pytestmark = pytest.mark.anyio


@pytest.fixture
def box(core: Callable[..., Core]) -> Core:
    """With an endpoint that nobody answers, so that its first delivery waits."""
    endpoint = f'\n[[webhooks.endpoints]]\nid = "hq"\nurl = "http://127.0.0.1:{free_port()}/hook"\nsecret = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo"\n'
    box = core(FAST + endpoint)
    box.start()
    wait_until(lambda: box.get("webhooks/retries")["items"], "the start is told")
    return box


@pytest.fixture
async def client(box: Core) -> AsyncIterator[Client]:
    client = Client("http://localhost", transport=httpx.AsyncHTTPTransport(uds=str(box.data / SOCKET)))
    yield client
    await client.close()


async def test_all_that_is_read_is_understood(box: Core, client: Client) -> None:
    log = await client.log("info")
    assert log.items
    assert (await client.log("info", log.items[-1].n)).run == log.run
    config = await client.config()
    [endpoint] = config.settings["webhooks"]["endpoints"]
    assert (endpoint["id"], endpoint["secret"]) == ("hq", "***")
    [item] = (await client.retries({})).items[:1]
    box.post("webhooks/endpoints/hq/pause", {"by": "li", "reason": "test"})
    audit = await client.audit({"limit": 1})
    assert audit.items[0].what == "endpoint.pause"
    assert (await client.audit({"limit": 1, "cursor": audit.next or ""})).items[0].n < audit.items[0].n
    assert {one.what for one in (await client.audit({"limit": 50, "what": "core.*"})).items} == {"core.started"}
    payload = await client.payload(item.delivery_id)
    assert payload.body["type"] == item.event_type
    assert payload.bytes == item.payload_bytes
    assert (await client.retries({"case_id": "case_none"})).items == ()
    with pytest.raises(RefusedError, match="case_not_found"):
        await client.case_detail("../status")
