"""A core of twelve cabinets with as many retries as a test wants, on disk before it starts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import structs

from core.journal.lines import Head, encode_line, generation
from core.webhooks import deliveries
from core.webhooks.deliveries import DeadLetterReason, Delivery, Status
from tests.benchmarks.idling import a_shop
from tests.benchmarks.journals import MISSED, NOW, T, a_delivery
from tests.e2e.conftest import Core

CABINETS: Final = 12
DEAD: Final = 50
RARE: Final = ("zyx", "zyw", "zv")  # no other word of a delivery has a z in it
YEAR_S: Final = 365 * 86400.0
FAR: Final = datetime(2200, 1, 1, tzinfo=UTC)
MOST: Final = 200_000


def waiting(number: int, wait_s: float) -> Delivery:
    """One that failed once, and goes next after this time: the lower its number the sooner, and the later it was made."""
    return structs.replace(
        a_delivery(number),
        ordinal=number,
        created_at=NOW - timedelta(seconds=number),
        attempts=1,
        auto_attempts=1,
        history=(structs.replace(MISSED, error="no answer within 10 s"),),
        delay_s=wait_s + number,
        next_attempt_at=FAR + timedelta(seconds=number),
    )


def dead(number: int) -> Delivery:
    return structs.replace(
        waiting(number, 0.0),
        status=Status.DEAD_LETTER,
        next_attempt_at=None,
        dead_letter_reason=DeadLetterReason.MAX_AGE,
        settled_at=NOW + timedelta(seconds=number),
    )


def fill(path: Path, count: int, wait_s: float) -> None:
    """So many that wait, the last ones of cabinets that are named like no other, and some dead letters before them; as a core
    left them that was stopped.
    """
    with path.open("wb") as file:
        file.writelines(generation(Head(gen=1, epoch="e", items=0, upto=0), b"{}", [], T))
        for number in range(1, DEAD + count + 1):
            one = dead(number) if number <= DEAD else waiting(number, wait_s)
            if (left := DEAD + count - number) < len(RARE):
                one = structs.replace(one, cabinet=RARE[left])
            file.write(encode_line(number, T, "put", one.delivery_id, deliveries.encode(one)))
        file.write(encode_line(DEAD + count + 1, T, "bye", "", b"null"))


def a_backlog(core: Callable[..., Core], count: int, wait_s: float = YEAR_S) -> Core:
    """Running, with so many retries to an endpoint that refuses, the first of them after this time; every value changes once
    a second.
    """
    config = a_shop(CABINETS, interval_s=1).replace('id = "hq"', 'id = "hq"\nevents = ["case.*"]')
    bounds = f"max_items = {MOST}\nmax_mib = 1000\ndead_letter_days = 36500\n"
    box = core(f"{config}\n[webhooks.retry]\n{bounds}", f"box{count}")
    box.data.mkdir()
    fill(box.data / "retries.jsonl", count, wait_s)
    box.start()
    assert box.get("status")["webhooks"]["pending"] == count
    return box
