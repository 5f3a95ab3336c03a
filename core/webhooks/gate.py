"""Whether anything may go to one endpoint now, and why not. Pure: time is an argument, in steady seconds.

Closed by a person (paused), by the receiver's 410 (disabled), by a row of failures (open: a breaker), by the box's own
network (offline), by what the receiver asked for (Retry-After), by our own limit. While the breaker is open or the network
is down one probe at a time goes out, ever more seldom; the first answer lets the backlog out, one at a time, then two, four.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from core.webhooks.deliveries import BREAKING, Attempt, ErrorClass, Failed
from core.webhooks.paces import Asked, Probes, RateLimit
from core.webhooks.standings import Hold, Standing

BREAKER_FAILURES: Final = 5
FOR_EVER: Final = float("inf")


class Gate:
    """Of one endpoint. `concurrency` attempts at once, `rate_per_min` of them in any minute, a probe at least every
    `longest_probe_s`.
    """

    def __init__(self, concurrency: int, longest_probe_s: float, rate_per_min: int | None, now_s: float):
        self.standing = Standing()
        self.failures = 0
        self._concurrency, self._allowance = concurrency, 1
        self._limit, self._asked, self._probes = RateLimit(rate_per_min), Asked(), Probes(longest_probe_s)
        self._counted_s, self._counted_at_s = 0.0, now_s

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def shut(self) -> Hold | None:
        """Open breaker or no network: only probes go there."""
        return self._probes.shut

    @property
    def held(self) -> Hold | None:
        """By a person, a 410, a breaker or the network: what does not end by waiting alone."""
        return self.standing.hold or self.shut

    @property
    def places(self) -> int:
        """How many attempts may be on their way at once."""
        return 1 if self.shut is not None else self._allowance

    def hold(self, now_s: float) -> Hold | None:
        """Why nothing goes out by itself now, or None."""
        if self.held is not None:
            return self.held
        if self._asked.until_s > now_s:
            return Hold.RETRY_AFTER
        return Hold.RATE_LIMIT if self._limit.free_s > now_s else None

    def wait_s(self, now_s: float) -> float:
        """Until the next attempt, or probe, may go by itself; FOR_EVER until a person opens the gate."""
        if self.standing.hold is not None:
            return FOR_EVER
        probe_s = self._probes.next_s if self.shut is not None else now_s
        return max(0.0, max(probe_s, self._asked.until_s, self._limit.free_s) - now_s)

    def rate_wait_s(self, now_s: float) -> float:
        """Until the limit of this endpoint allows one more."""
        return max(0.0, self._limit.free_s - now_s)

    def counted_s(self, now_s: float) -> float:
        """A clock that stands still while what waits here is not the receiver's doing: paused, offline, limited."""
        if self.standing.hold is None and self.shut is not Hold.OFFLINE:
            begin_s = max(self._counted_at_s, self._asked.limited_until_s, self._limit.free_s)
            self._counted_s += max(0.0, now_s - begin_s)
        self._counted_at_s = now_s
        return self._counted_s

    # -- what happens ----------------------------------------------------------------------------------------------

    def recall(self, attempts: Iterable[Attempt], now: datetime, now_s: float) -> None:
        """Attempts of a former life: a restart earns no further ones, and what the receiver asked for still holds. One that
        lies in the future, since the wall clock was set back, counts as one of now.
        """
        for attempt in sorted(attempts, key=lambda one: one.started_at):
            at_s = now_s - max(0.0, (now - attempt.started_at).total_seconds())
            self._limit.sent(at_s)
            if attempt.error_class is None:
                self._asked.forget()
            else:
                self._asked.heard(attempt, at_s)

    def stand(self, standing: Standing, now_s: float) -> None:
        """A person paused or resumed it, or the receiver disabled it; resumed it begins anew."""
        self.counted_s(now_s)
        self.standing = standing
        if standing.hold is None:
            self.failures = 0
            self._asked.forget()
            self._open_up(now_s)

    def sets_out(self, now_s: float) -> None:
        """An attempt is on its way, whoever caused it."""
        self.counted_s(now_s)
        self._limit.sent(now_s)

    def took(self, now_s: float, since_s: float) -> bool:
        """The receiver took one that set out at `since_s`; whether that lets a backlog out."""
        self.counted_s(now_s)
        self._asked.took(since_s)
        found = self._alive(now_s, since_s)
        self._allowance = min(self._concurrency, self._allowance + 1)  # each answer sends two: 1, 2, 4 at a time
        return found

    def failed(self, failure: Failed, now_s: float, since_s: float, *, ours: bool, probe: bool) -> bool:
        """An attempt that set out at `since_s` failed: `ours` where the box's network is to blame, `probe` where it was one.
        Whether that lets a backlog out: also a refusal shows that somebody is there.
        """
        self.counted_s(now_s)
        self._asked.heard(failure, now_s)
        if failure.error_class is ErrorClass.RATE_LIMITED:
            self._allowance = 1
        if not ours and failure.error_class not in BREAKING:
            return self._alive(now_s, since_s)
        before = self.shut
        if ours:
            self._probes.begin(Hold.OFFLINE, now_s)  # whatever is wrong with the receiver, this comes first
        elif since_s >= self._probes.turned_s:
            self._count_failure(now_s)
        if probe and before is not None:
            self._probes.failed(now_s)
        return False

    def _count_failure(self, now_s: float) -> None:
        self.failures += 1
        if self.failures >= BREAKER_FAILURES:
            self._probes.begin(Hold.OPEN, now_s)
        elif self.shut is Hold.OFFLINE:
            self._open_up(now_s)  # the network is there again; what fails now is the receiver

    def lose_network(self, now_s: float) -> None:
        """The box can reach nothing."""
        self.counted_s(now_s)
        self._probes.begin(Hold.OFFLINE, now_s)

    def regain_network(self, now_s: float) -> bool:
        """Another endpoint could be reached; whether that lets a backlog out."""
        self.counted_s(now_s)
        return self.shut is Hold.OFFLINE and self._open_up(now_s)

    def urge(self, now_s: float) -> None:
        """Something critical waits: probe as soon as the shortest gap allows."""
        self._probes.urge(now_s)

    def _alive(self, now_s: float, since_s: float) -> bool:
        """Whether that opens it: not by what was on its way already when it was shut, else one that fails most of the time
        would never be.
        """
        if since_s < self._probes.turned_s:
            return False
        self.failures = 0
        return self._open_up(now_s)

    def _open_up(self, now_s: float) -> bool:
        """Whether it was shut: then what waited begins with one at a time."""
        if not self._probes.end(now_s):
            return False
        self._allowance = 1
        return True
