"""What a killed process told, held against what the files give back. Knows the words of `sweep_victim`, not its course."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core.webhooks.accounts import ENDED
from core.webhooks.deliveries import Status, delivery_id
from core.wire import Durability, JournalHealth
from tests.core.sweep_victim import CABINET, ENDPOINTS, Shop

ABSENT: Final = "absent"


class Told:
    """Line by line, over all lives: what each delivery may be now, and which number each case has reached."""

    def __init__(self, printed: str = "") -> None:
        self.may_be: dict[str, set[str]] = {}
        self.archived: set[str] = set()  # for certain
        self.cases: dict[str, int] = {}
        self.cases_begun: set[str] = set()
        self.service: set[str] = set()  # events
        self.standing: set[str] = {ABSENT}  # by which case it may have been changed last
        self.hear(printed)

    def hear(self, printed: str) -> None:  # noqa: C901 - one case a word
        """A kill may have cut the last line."""
        for line in printed.splitlines(keepends=True):
            match line.split():
                case _ if not line.endswith("\n"):
                    pass
                case ["will", "case", case_id, _]:
                    self.cases_begun.add(case_id)
                case ["did", "case", case_id, seq]:
                    self.cases[case_id] = int(seq)
                case [tense, "service", event_id]:
                    self.service |= {event_id} if tense == "did" else set()
                case [tense, "standing", case_id]:
                    self.standing = {case_id} | (self.standing if tense == "will" else set())
                case ["will", status, item_id]:
                    self.may_be.setdefault(item_id, {ABSENT}).add(status)
                case ["did", status, item_id]:
                    self.may_be[item_id] = {status}
                    self.archived |= {item_id} if status == Status.ARCHIVED else set()

    def may_have_ended(self, item_id: str) -> bool:
        """Then it may be out of sight."""
        return bool(self.may_be.get(item_id, set()) & ENDED)

    def copy(self) -> "Told":
        twin = Told()
        twin.may_be = {item_id: set(statuses) for item_id, statuses in self.may_be.items()}
        twin.archived, twin.cases, twin.cases_begun = set(self.archived), dict(self.cases), set(self.cases_begun)
        twin.service, twin.standing = set(self.service), set(self.standing)
        return twin


def check(directory: Path, told: Told, *, damaged: bool = False) -> None:
    """Recover for good. Raises AssertionError for what is lost, doubled, in a wrong state, or called damage and is none."""
    with _opened(directory) as shop:
        for journal in (shop.retries, shop.cases):
            _check_health(journal.health(), damaged=damaged)
        assert shop.queue.known.undecodable == shop.book.undecodable == 0
        _check_deliveries(shop, told)
        assert (shop.queue.standing("ops").reason or ABSENT) in told.standing
        _check_cases(shop, directory, told)
        asyncio.run(_published(shop))
        _check_cases(shop, directory, told)
        _check_accounts(shop, told)
        left = _states(shop), shop.book.all(), shop.queue.known.accounts()
    assert told.archived <= set(_archive(directory, "dead-*.jsonl")), "called archived, and is not in the archive"
    with _opened(directory) as shop:
        assert (_states(shop), shop.book.all(), shop.queue.known.accounts()) == left, "an orderly end changed something"


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[Shop]:
    shop = Shop(directory)
    try:
        yield shop
    finally:
        shop.close()


async def _published(shop: Shop) -> None:
    publishing = asyncio.ensure_future(shop.book.run(shop))
    async with asyncio.timeout(30):
        await shop.published()
    publishing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await publishing


def _check_health(health: JournalHealth, *, damaged: bool) -> None:
    """A kill is no damage. It may cut off a long write of another thread where a page ends: a torn tail, told to nobody."""
    assert health.state is Durability.DURABLE, health
    assert health.degraded == (damaged or health.torn_tails > 0), health
    assert damaged or (health.damaged_lines, health.lost_numbers) == (0, 0), health


def _check_deliveries(shop: Shop, told: Told) -> None:
    states = _states(shop)
    for item_id, may_be in told.may_be.items():
        status = states.get(item_id, ABSENT)
        absent = status == ABSENT and told.may_have_ended(item_id)
        assert absent or status in may_be, f"{item_id} is {status}, and was told to be {may_be}"
    assert set(states) <= set(told.may_be), "nobody ever spoke of these"


def _check_cases(shop: Shop, directory: Path, told: Told) -> None:
    """Each case is there, as far as it was told, and each of its events is in its outbox, or else with the queue."""
    states = _states(shop)
    archive = {case_id: case["seq"] for case_id, case in _archive(directory, "cases-*.jsonl").items()}
    reached = archive | {case.case_id: case.seq for case in shop.book.all()}
    waiting = {event.event_id for case in shop.book.all() for event in case.outbox}
    waiting |= {event.event_id for event in shop.book.service(CABINET).outbox}
    for case_id, seq in told.cases.items():
        assert reached.get(case_id, 0) >= seq, f"{case_id} is at {reached.get(case_id)}, and was told to be at {seq}"
    assert set(reached) <= told.cases_begun
    for one in (entry.delivery for entry in shop.queue.entries()):
        assert (one.seq or 0) <= reached.get(one.case_id or "", 0), (
            f"{one.event_id} goes out, and its case knows nothing of it"
        )
    of_cases = {f"evt_{case_id[5:]}_{one}" for case_id, seq in reached.items() for one in range(1, seq + 1)}
    for event_id in of_cases | told.service:
        for item_id in (delivery_id(event_id, endpoint) for endpoint in ENDPOINTS):
            with_queue = item_id in states or told.may_have_ended(item_id)
            assert with_queue or event_id in waiting, f"{event_id} is in no outbox and not in the queue"
            forgotten = item_id not in states and told.may_have_ended(item_id)
            assert not (forgotten and event_id in waiting), f"{event_id} would go out again"


def _check_accounts(shop: Shop, told: Told) -> None:
    """With every outbox empty, all that was ever begun is accepted, each once; only what is out of sight may be unclear."""
    states, accounts = _states(shop), shop.queue.known.accounts()
    may_be = {item_id: {status} for item_id, status in states.items()}
    may_be |= {item_id: told.may_be[item_id] & ENDED for item_id in told.may_be.keys() - states.keys()}
    assert (accounts.accepted, accounts.unaccounted) == (len(may_be), 0), accounts
    counted = {
        Status.PENDING: accounts.pending,
        Status.DELIVERED: accounts.delivered,
        Status.CANCELLED: accounts.cancelled,
        Status.ARCHIVED: accounts.archived,
        Status.DEAD_LETTER: accounts.dead_letter - accounts.archived,
    }
    for status, count in counted.items():
        least = sum(one == {status} for one in may_be.values())
        most = sum(status in one for one in may_be.values())
        assert least <= count <= most, f"{status}: {count}, and {least} to {most} were told; {accounts}"


def _states(shop: Shop) -> dict[str, str]:
    return {entry.delivery.delivery_id: str(entry.delivery.status) for entry in shop.queue.entries()}


def _archive(directory: Path, pattern: str) -> dict[str, dict[str, Any]]:
    """The documents of its whole lines."""
    lines = [line for path in directory.glob(f"archive/{pattern}") for line in path.read_bytes().splitlines()]
    found = [json.loads(line) for line in lines if line.endswith(b'"}')]
    return {line["id"]: line["d"] for line in found}
