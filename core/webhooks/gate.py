"""Whether anything may go to one endpoint now, and why not. Pure: time is an argument, in steady seconds.

Closed by a person (paused), by the receiver's 410 (disabled), by a row of failures (open: a breaker), by the box's own
network (offline), by what the receiver asked for (Retry-After), by our own limit. While the breaker is open or the network
is down one probe at a time goes out, ever more seldom; the first answer lets the backlog out, one at a time, then two, four.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from core.webhooks.deliveries import Attempt, ErrorClass, Failed
from core.webhooks.retry_policy import RETRY_AFTER_CAP_S
from core.wire import Moment

BREAKER_FAILURES: Final = 5
FIRST_PROBE_S: Final = 30.0
LONGEST_PROBE_S: Final = 300.0
RATE_WINDOW_S: Final = 61.0  # a minute, and what one request may be longer on its way than another
FOR_EVER: Final = float("inf")

# What the receiver, or the way to it, fails of; a 4xx and a redirect are answers of one that works.
BREAKING: Final = frozenset(
    {
        ErrorClass.DNS,
        ErrorClass.CONNECT,
        ErrorClass.TLS,
        ErrorClass.CLOCK,
        ErrorClass.TIMEOUT,
        ErrorClass.PROTOCOL,
        ErrorClass.CAPTIVE_PORTAL,
        ErrorClass.HTTP_5XX,
    }
)


def unreached(last: Attempt | None) -> bool:
    """Whether this attempt failed of what a working receiver, or a way to it, puts right."""
    return last is not None and last.error_class in BREAKING


class Hold(StrEnum):
    """Why nothing goes out by itself."""

    PAUSED = "paused"
    DISABLED = "disabled"
    OPEN = "open"
    OFFLINE = "offline"
    RETRY_AFTER = "retry_after"
    RATE_LIMIT = "rate_limit"


class Standing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What outlives a restart: paused by a person or disabled by a 410, since when, why, and by whom."""

    hold: Hold | None = None
    since: Moment | None = None
    reason: str | None = None
    actor: str | None = None


class Gate:
    """Of one endpoint. `concurrency` attempts at once, `rate_per_min` of them in any minute, a probe at least every
    `longest_probe_s`.
    """

    def __init__(self, concurrency: int, longest_probe_s: float, rate_per_min: int | None, now_s: float):
        self.standing = Standing()
        self.failures = 0
        self.probing: Hold | None = None
        self._concurrency, self._allowance = concurrency, 1
        self._longest_s = min(LONGEST_PROBE_S, longest_probe_s)
        self._gap_s = self._probed_s = self._probe_s = 0.0
        self._asked_s = self._asked_at_s = self._unaged_s = 0.0
        self._rate = rate_per_min
        self._sent: deque[float] = deque(maxlen=rate_per_min or 0)
        self._counted_s, self._counted_at_s = 0.0, now_s

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """How many attempts may be on their way at once."""
        return 1 if self.probing is not None else self._allowance

    def hold(self, now_s: float) -> Hold | None:
        """Why nothing goes out by itself now, or None."""
        if self.standing.hold is not None:
            return self.standing.hold
        if self.probing is not None:
            return self.probing
        if self._asked_s > now_s:
            return Hold.RETRY_AFTER
        return Hold.RATE_LIMIT if self.rate_wait_s(now_s) > 0 else None

    def wait_s(self, now_s: float) -> float:
        """Until the next attempt, or probe, may go by itself; FOR_EVER until a person opens the gate."""
        if self.standing.hold is not None:
            return FOR_EVER
        probe_s = self._probe_s if self.probing is not None else now_s
        return max(probe_s - now_s, self._asked_s - now_s, self.rate_wait_s(now_s), 0.0)

    def rate_wait_s(self, now_s: float) -> float:
        """Until the limit of this endpoint allows one more."""
        return max(0.0, self._free_s() - now_s)

    def _free_s(self) -> float:
        return self._sent[0] + RATE_WINDOW_S if self._rate is not None and len(self._sent) == self._rate else 0.0

    def counted_s(self, now_s: float) -> float:
        """A clock that stands still while what waits here is not the receiver's doing: paused, offline, limited."""
        if self.standing.hold is None and self.probing is not Hold.OFFLINE:
            begin_s = max(self._counted_at_s, self._unaged_s, self._free_s())
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
            self._sent.append(at_s)
            if attempt.error_class is None:
                self._asked_s = 0.0
            else:
                self._listen(attempt, at_s)

    def stand(self, standing: Standing, now_s: float) -> None:
        """A person paused or resumed it, or the receiver disabled it; resumed it begins anew."""
        self.counted_s(now_s)
        self.standing = standing
        if standing.hold is None:
            self.failures, self._asked_s = 0, 0.0
            self._open_up()

    def sets_out(self, now_s: float) -> None:
        """An attempt is on its way, whoever caused it."""
        self.counted_s(now_s)
        self._sent.append(now_s)

    def took(self, now_s: float, since_s: float) -> bool:
        """The receiver took one that set out at `since_s`; whether that lets a backlog out. Who takes one after he asked us
        to wait waits no longer; one that was on its way when he asked says nothing.
        """
        self.counted_s(now_s)
        if since_s >= self._asked_at_s:
            self._asked_s = 0.0
        found = self._alive()
        self._allowance = min(self._concurrency, self._allowance + 1)  # each answer sends two: 1, 2, 4 at a time
        return found

    def failed(self, failure: Failed, now_s: float, *, ours: bool, probe: bool) -> bool:
        """An attempt failed: `ours` where the box's network is to blame, `probe` where it was one. Whether that lets a
        backlog out: also a refusal shows that somebody is there.
        """
        self.counted_s(now_s)
        self._listen(failure, now_s)
        if ours:
            self.lose_network(now_s)
        elif failure.error_class not in BREAKING:
            return self._alive()
        else:
            self.failures += 1
            if self.failures >= BREAKER_FAILURES:
                self._close(Hold.OPEN, now_s)
            elif self.probing is Hold.OFFLINE:
                self._open_up()  # the network is there again; what fails now is the receiver
        if probe and self.probing is not None:
            self._gap_s = min(max(2 * self._gap_s, FIRST_PROBE_S), self._longest_s)
            self._probed_s, self._probe_s = now_s, now_s + self._gap_s
        return False

    def lose_network(self, now_s: float) -> None:
        """The box can reach nothing: whatever was wrong with the receiver, this comes first."""
        self._close(Hold.OFFLINE, now_s)

    def regain_network(self, now_s: float) -> bool:
        """Another endpoint could be reached; whether that lets a backlog out."""
        if self.probing is not Hold.OFFLINE:
            return False
        self.counted_s(now_s)
        self._open_up()
        return True

    def urge(self, now_s: float) -> None:
        """Something critical waits: probe as soon as the shortest gap allows."""
        soonest_s = self._probed_s + min(FIRST_PROBE_S, self._longest_s)
        self._probe_s = max(now_s, min(self._probe_s, soonest_s))

    def _listen(self, failure: Failed | Attempt, now_s: float) -> None:
        if failure.retry_after_s is None or failure.http_status not in {429, 503}:
            return
        self._asked_s = max(self._asked_s, now_s + min(failure.retry_after_s, RETRY_AFTER_CAP_S))
        self._asked_at_s = now_s
        if failure.error_class is ErrorClass.RATE_LIMITED:
            self._unaged_s = self._asked_s

    def _close(self, why: Hold, now_s: float) -> None:
        self.counted_s(now_s)
        if self.probing is None:
            self._gap_s = min(FIRST_PROBE_S, self._longest_s)
            self._probed_s, self._probe_s = now_s, now_s + self._gap_s
        self.probing = why

    def _alive(self) -> bool:
        self.failures = 0
        return self._open_up()

    def _open_up(self) -> bool:
        if self.probing is None:
            return False
        self.probing, self._allowance = None, 1
        return True
