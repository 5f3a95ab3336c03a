"""Who sends: `python -m tests.benchmarks.contenders NAME URL COUNT DIR` posts so many and prints what that took.

What needs a backlog makes it in DIR first, outside the time that is taken. A number behind a name is its workers.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Semaphore
from typing import Any, Final

from core.settings import Secret
from tests.benchmarks import posting
from tests.benchmarks.backlogs import drain, fill
from tests.benchmarks.posting import BODY, Poster, in_threads
from tests.benchmarks.racing import Taken, Watch
from tests.core.webhooks.factories import SECRET, an_endpoint

CLEARED_EACH: Final = 200  # acknowledged rows slow persist-queue down: swept before they are many
BULLMQ: Final = Path(__file__).parent / "bullmq.cjs"


def product(url: str, count: int, directory: Path) -> Taken:
    asyncio.run(fill(directory, {"hq": count}))
    return asyncio.run(drain(directory, [an_endpoint(url, secret=Secret(SECRET))], 30.0, count))


def huey(url: str, count: int, directory: Path, workers: int) -> Taken:
    """Durable until a worker takes it: it is off the disk before it is sent."""
    from huey import SqliteHuey

    box = SqliteHuey(filename=str(directory / "huey.db"), fsync=True, results=False)
    poster, done = Poster(url), Semaphore(0)

    @box.task()  # type: ignore[untyped-decorator]
    def send(number: int, body: bytes) -> None:
        poster.post(number, body)
        done.release()

    for number in range(count):
        send(number, BODY)
    logging.disable(logging.INFO)
    consumer = box.create_consumer(workers=workers, periodic=False, check_worker_health=False)
    watch = Watch()
    consumer.start()
    for _ in range(count):
        done.acquire()
    taken = watch.taken()
    consumer.stop()
    return taken


def persist_queue(url: str, count: int, directory: Path, workers: int) -> Taken:
    """Each acknowledged, on disk, after its answer."""
    from persistqueue import Empty, SQLiteAckQueue

    queue = SQLiteAckQueue(str(directory), multithreading=True)
    for number in range(count):
        queue.put((number, BODY))
    poster = Poster(url)

    def work() -> None:
        done = 0
        while True:
            try:
                item: dict[str, Any] = queue.get(block=False, raw=True)
            except Empty:
                return
            poster.post(*item["data"])
            queue.ack(id=item["pqid"])
            done += 1
            if done % CLEARED_EACH == 0:
                queue.clear_acked_data(keep_latest=0)

    return in_threads([work] * workers)


def bullmq(url: str, count: int, directory: Path, workers: int) -> Taken:
    """On a Redis whose every write is synced, which has the other core."""
    socket = directory / "redis.sock"
    others = ",".join(map(str, os.sched_getaffinity(os.getppid()) - os.sched_getaffinity(0)))
    options = (
        "--port",
        "0",
        "--unixsocket",
        socket,
        "--dir",
        directory,
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
    )
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    redis = subprocess.Popen(
        ("taskset", "-c", others, "redis-server", *map(str, options), *durable), stdout=subprocess.DEVNULL
    )
    with redis:
        try:
            while not socket.exists() and redis.poll() is None:
                time.sleep(0.01)
            command = ("node", BULLMQ, url, str(count), socket, str(workers))
            done = subprocess.run(command, input=BODY, capture_output=True, check=True)
        finally:
            redis.kill()
    return Taken(**json.loads(done.stdout))


ALONE: Final[dict[str, Callable[[str, int], Taken]]] = {
    "bare socket": posting.bare,
    "pipelined": posting.pipelined,
    "httpx async": posting.httpx_async,
    "httpx async prebuilt": posting.httpx_async_prebuilt,
    "httpx one prebuilt": posting.httpx_one,
    "httpx threads": posting.httpx_threads,
    "httpx threads prebuilt": posting.httpx_threads_prebuilt,
}
DURABLE: Final[dict[str, Callable[[str, int, Path, int], Taken]]] = {
    "huey": huey,
    "persist-queue": persist_queue,
    "bullmq": bullmq,
}


def posted(name: str, url: str, count: int, directory: Path) -> Taken:
    if name in ALONE:
        return ALONE[name](url, count)
    if name == "product":
        return product(url, count, directory)
    who, workers = name.split()
    return DURABLE[who](url, count, directory, int(workers))


if __name__ == "__main__":
    taken = posted(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    print(json.dumps(asdict(taken)), flush=True)
    os._exit(0)  # nobody waits for the ends of other people's threads
