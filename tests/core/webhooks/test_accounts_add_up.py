"""The promise of the accounts and the caps as a property: accepted is delivered, pending, dead or cancelled, and adds up."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import RefusalError
from core.events import Severity
from core.journal import Archive
from core.settings import Retry
from core.webhooks.bounds import Bounds
from core.webhooks.deliveries import Status
from core.webhooks.entries import FORGOTTEN_AT_ONCE, KEPT_ENDED
from core.webhooks.entry import Entry
from tests.core.webhooks.factories import DOWN, OK, Box, an_attempt, an_event
from tests.core.webhooks.recount import assert_kept_as_counted
from tests.fakes import FakeClock

BUSY = KEPT_ENDED + FORGOTTEN_AT_ONCE
TIGHT = Retry(max_attempts=2, max_items=6, max_dead_letters=2, max_mib=0.009, dead_letter_days=2)


class TheAccountAddsUp(RuleBasedStateMachine):
    """Accepting, sending, people, caps, restarts and kills in any order; nothing but a record ends anything."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="cdg-"))
        self.lives = 0
        self.box = self._start()
        self.accepted: list[str] = []
        self.in_flight: list[Entry] = []
        self.busy_days = 0

    def _start(self, clock: FakeClock | None = None) -> Box:
        directory = self.directory / str(self.lives)
        directory.mkdir(exist_ok=True)
        return Box(directory, clock, TIGHT)

    def teardown(self) -> None:
        self.box.close()
        shutil.rmtree(self.directory)

    def _accept(self, count: int, severity: Severity) -> None:
        events = [an_event(f"evt_{len(self.accepted) + at}", severity=severity) for at in range(count)]
        self.accepted += [entry.delivery.delivery_id for entry in asyncio.run(self.box.accept(*events))]

    @rule(count=st.integers(1, 5), severity=st.sampled_from(sorted(Severity)))
    def accept(self, count: int, severity: Severity) -> None:
        self._accept(count, severity)

    @rule()
    @precondition(lambda self: not self.busy_days)
    def a_busy_day(self) -> None:
        """So many end that some leave for the books."""
        self.busy_days += 1
        self._accept(BUSY, Severity.INFO)
        for _ in range(BUSY):
            self.send(ok=True)

    @rule(ok=st.booleans())
    def send(self, ok: bool) -> None:
        if (entry := self.box.queue.claim("hq")) is not None:
            outcome = OK if ok else DOWN
            self.box.queue.settle(entry, an_attempt(self.box.clock, entry, outcome), outcome)

    @rule()
    def set_out(self) -> None:
        if (entry := self.box.queue.claim("hq")) is not None:
            self.in_flight.append(entry)

    @rule(ok=st.booleans())
    def arrive(self, ok: bool) -> None:
        if not self.in_flight:  # no precondition: what a kill left on disk is a matter of chance
            return
        entry, outcome = self.in_flight.pop(), OK if ok else DOWN
        self.box.queue.settle(entry, an_attempt(self.box.clock, entry, outcome), outcome)

    @rule(data=st.data(), what=st.sampled_from(["cancel", "requeue", "requeue"]))
    @precondition(lambda self: self.accepted)
    def by_hand(self, data: st.DataObject, what: str) -> None:
        with contextlib.suppress(RefusalError):
            getattr(self.box.queue, what)(data.draw(st.sampled_from(self.accepted)), "li")

    @rule(hours=st.sampled_from([0.1, 1.0, 50.0]))
    def wait(self, hours: float) -> None:
        self.box.clock.advance(hours * 3600)

    @rule()
    def keep_within_bounds(self) -> None:
        flying = [entry.delivery for entry in self.in_flight]
        archive = Archive(self.box.directory, self.box.clock)
        asyncio.run(Bounds(self.box.queue, archive, TIGHT, self.box.clock).keep())
        assert [entry.delivery for entry in self.in_flight] == flying
        states = [entry.delivery.status for entry in self.box.queue.entries()]
        assert states.count(Status.PENDING) - len(flying) <= TIGHT.max_items
        assert states.count(Status.DEAD_LETTER) <= TIGHT.max_dead_letters

    @rule()
    def restart(self) -> None:
        for entry in self.in_flight:
            self.box.queue.give_back(entry)
        self.in_flight.clear()
        before = self.box.queue.known.accounts()
        self.box.reopen()
        assert self.box.queue.known.accounts() == before

    @rule()
    def kill(self) -> None:
        """The next life begins with the files as they stand at this moment."""
        self.in_flight.clear()
        last, here = self.box, self.box.directory
        self.lives += 1
        shutil.copytree(here, self.directory / str(self.lives), ignore=shutil.ignore_patterns("*.new", "*.tmp"))
        last.close()
        self.box = self._start(last.clock)

    @invariant()
    def it_adds_up(self) -> None:
        account = self.box.queue.known.accounts()
        parts = account.delivered + account.pending + account.dead_letter + account.cancelled
        assert (account.accepted, account.unaccounted) == (len(self.accepted), 0) == (parts, 0)

    @invariant()
    def what_is_kept_is_what_a_recount_finds(self) -> None:
        assert_kept_as_counted(self.box.queue)

    @invariant()
    def what_was_archived_is_in_the_archive(self) -> None:
        left = [one.delivery.delivery_id for one in self.box.queue.entries() if one.delivery.status is Status.ARCHIVED]
        if left:
            kept = b"".join(file.read_bytes() for file in (self.box.directory / "archive").iterdir())
            assert all(b'"id":"%s"' % one.encode() in kept for one in left)


TestTheAccountAddsUp = TheAccountAddsUp.TestCase
TestTheAccountAddsUp.settings = settings(
    max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
