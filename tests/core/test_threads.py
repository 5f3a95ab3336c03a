"""Blocking calls: each in a thread of its own, so that hanging ones keep nobody waiting."""

import asyncio
import threading

import pytest

from core.threads import MOST_THREADS, ThreadPerCall

pytestmark = pytest.mark.anyio


async def test_hanging_calls_keep_no_other_waiting() -> None:
    """Forty calls hang, more than any pool of this machine has threads; the next is answered all the same."""
    asyncio.get_running_loop().set_default_executor(ThreadPerCall())
    release = threading.Event()
    try:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(asyncio.to_thread(release.wait, 20))
            assert await asyncio.to_thread(lambda: 7) == 7
            release.set()
    finally:
        release.set()


async def test_an_error_is_the_callers() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPerCall())

    def fail() -> None:
        raise LookupError("no such host")

    with pytest.raises(LookupError, match="no such host"):
        await asyncio.to_thread(fail)


async def test_hanging_calls_are_bounded() -> None:
    threads, release = ThreadPerCall(), threading.Event()
    try:
        for _ in range(MOST_THREADS):
            threads.submit(release.wait, 20)
        with pytest.raises(RuntimeError, match="hang already"):
            threads.submit(release.wait, 20)
    finally:
        release.set()
