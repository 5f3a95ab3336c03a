"""The transport that forgets nothing of what was cut off: over real sockets, against a peer that takes its time."""

import asyncio
import subprocess
import sys

import pytest

from core.renewing import RenewingTransport
from tests.core.cut_off import a_peer, asked
from tests.core.journal.rigs import ROOT

pytestmark = pytest.mark.anyio


def test_however_much_was_cut_off_what_comes_then_goes_out_at_once() -> None:
    program = [sys.executable, "-m", "tests.core.cut_off"]
    done = subprocess.run(program, check=True, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout == "b'fine'\n"


async def test_what_is_under_way_is_not_disturbed_by_what_is_cut_off() -> None:
    async with a_peer() as peer:
        transport = RenewingTransport(kept=4)
        peer.wait_s = 0.3
        async with asyncio.TaskGroup() as group:
            whole = group.create_task(asked(transport, peer.url, 5.0))
            await asyncio.sleep(0.05)
            assert await asked(transport, peer.url, 0.05) is None
        assert whole.result() == b"fine"
        await transport.aclose()


async def test_connections_are_kept_until_something_is_cut_off_and_none_stays_behind_then() -> None:
    async with a_peer() as peer:
        transport = RenewingTransport(kept=4)
        for _ in range(3):
            assert await asked(transport, peer.url, 5.0) == b"fine"
        assert peer.opened == 1
        peer.wait_s = 5.0
        assert await asked(transport, peer.url, 0.05) is None
        async with asyncio.timeout(5.0):
            while peer.open:
                await asyncio.sleep(0.01)
        peer.wait_s = 0.0
        assert await asked(transport, peer.url, 5.0) == b"fine"
        assert peer.opened == 2
        await transport.aclose()
