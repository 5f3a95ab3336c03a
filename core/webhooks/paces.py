"""What sets the pace of an endpoint: our own limit, the wait its receiver asks for, probes while it can't be reached. Pure:
time is an argument, in steady seconds.
"""

from collections import deque
from http import HTTPStatus
from typing import Final

from core.webhooks.deliveries import Attempt, ErrorClass, Failed
from core.webhooks.retry_policy import RETRY_AFTER_CAP_S
from core.webhooks.standings import Hold

RATE_WINDOW_S: Final = 61.0  # a minute, and what one request may be longer on its way than another
FIRST_PROBE_S: Final = 30.0
LONGEST_PROBE_S: Final = 300.0
UNSAID_S: Final = 10.0  # as long as the first step of the schedule
ASKING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class RateLimit:
    """At most so many attempts in any minute, whoever causes them; None for any number."""

    def __init__(self, per_min: int | None):
        self._per_min = per_min
        self._sent_s: deque[float] = deque(maxlen=per_min or 0)

    def sent(self, at_s: float) -> None:
        self._sent_s.append(at_s)

    @property
    def free_s(self) -> float:
        """From when on one more may go."""
        if self._per_min is None or len(self._sent_s) < self._per_min:
            return 0.0
        return self._sent_s[0] + RATE_WINDOW_S


class Asked:
    """Until when the receiver wants nothing: `Retry-After`, at most an hour."""

    def __init__(self) -> None:
        self.until_s = 0.0
        self.limited_until_s = 0.0  # because it has too much of us, not because it is ill
        self._at_s = 0.0

    def heard(self, failure: Failed | Attempt, now_s: float) -> None:
        """A 429 that says no time wants some all the same."""
        limited = failure.error_class is ErrorClass.RATE_LIMITED
        asked_s = failure.retry_after_s or (UNSAID_S if limited else 0.0)
        if not asked_s or failure.http_status not in ASKING:
            return
        self.until_s = max(self.until_s, now_s + min(asked_s, RETRY_AFTER_CAP_S))
        self._at_s = now_s
        if limited:
            self.limited_until_s = self.until_s

    def took(self, since_s: float) -> None:
        """It took one that set out at `since_s`. Who takes one after asking waits no longer; one that was on its way when it
        asked says nothing.
        """
        if since_s >= self._at_s:
            self.until_s = 0.0

    def forget(self) -> None:
        self.until_s = 0.0


class Probes:
    """While the endpoint is `shut` (open breaker, no network) one attempt at a time asks, ever more seldom."""

    def __init__(self, longest_s: float):
        self.shut: Hold | None = None
        self.turned_s = 0.0  # when that changed last
        self.next_s = 0.0
        self._first_s, self._longest_s = min(FIRST_PROBE_S, longest_s), min(LONGEST_PROBE_S, longest_s)
        self._gap_s = self._last_s = 0.0

    def begin(self, why: Hold, now_s: float) -> None:
        if self.shut is None:
            self._wait(self._first_s, now_s)
            self.turned_s = now_s
        self.shut = why

    def failed(self, now_s: float) -> None:
        """A probe did; twice as long until the next."""
        if self.shut is not None:
            self._wait(min(2 * self._gap_s, self._longest_s), now_s)

    def urge(self, now_s: float) -> None:
        """As soon as the shortest gap allows."""
        self.next_s = max(now_s, min(self.next_s, self._last_s + self._first_s))

    def end(self, now_s: float) -> bool:
        """Whether there were any."""
        if self.shut is None:
            return False
        self.shut, self.turned_s = None, now_s
        return True

    def _wait(self, gap_s: float, now_s: float) -> None:
        self._gap_s, self._last_s, self.next_s = gap_s, now_s, now_s + gap_s
