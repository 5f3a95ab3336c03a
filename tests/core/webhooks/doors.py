"""The reference model of what may go to an endpoint by itself: what the box must know of its receivers and its network.

Simple where the product is quick; times are seconds of the world. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from core.webhooks.deliveries import ErrorClass, Failed, Outcome, Reach

CAP_S: Final = 3600.0
HURTS: Final = frozenset({"dns", "connect", "tls", "clock", "timeout", "protocol", "captive_portal", "http_5xx"})
FAULT_OF_BOX: Final = frozenset({Reach.DOWN, Reach.PORTAL, Reach.CLOCK})


@dataclass
class Door:
    """Of one endpoint."""

    rate: int | None
    gap_s: float
    held: bool = False  # paused, or disabled by a 410
    held_s: float = float("-inf")
    row: int = 0
    shut: str | None = None  # "open" (the breaker) or "offline"
    shut_s: float = -1.0
    opened_s: float = -1.0
    probed_s: float = float("-inf")  # when the last probe ended
    probing: int = 0
    asked_s: float = 0.0  # no attempt by itself before: Retry-After
    asked_at_s: float = float("-inf")
    unaged_s: float = 0.0
    starts: list[float] = field(default_factory=list)

    def complaint(self, now_s: float, *, by_hand: bool, test: bool) -> str | None:
        """Why nothing may set out now."""
        recent = [at_s for at_s in self.starts if now_s - at_s < 60.0]
        if self.rate is not None and len(recent) >= self.rate:
            return f"{len(recent) + 1} in a minute, {self.rate} are allowed"
        if self.held and self.held_s < now_s and not test:
            return "it is paused or disabled"
        return None if by_hand else self._by_itself(now_s)

    def _by_itself(self, now_s: float) -> str | None:
        if self.asked_at_s < now_s < self.asked_s - 1e-6:
            return f"the receiver asked for {self.asked_s - now_s:.3f} s more"
        if not self.probes(now_s):
            return None
        if self.probing:
            return "a second probe"
        since_s = now_s - max(self.shut_s, self.probed_s)
        return None if since_s >= self.gap_s - 1e-6 else f"a probe after {since_s:.3f} s"

    def probes(self, now_s: float) -> bool:
        """Whether what sets out now is a probe."""
        return self.shut is not None and self.shut_s < now_s

    def doubtful(self, now_s: float) -> bool:
        """Whether it opened or shut in this very moment: what sets out now may have been taken before that."""
        return now_s in {self.shut_s, self.opened_s}

    def opens(self, now_s: float) -> None:
        if self.shut is not None:
            self.shut, self.opened_s = None, now_s

    def shuts(self, why: str, now_s: float) -> None:
        if self.shut is None:
            self.shut_s, self.probed_s, self.probing = now_s, float("-inf"), 0
        self.shut = why

    def listen(self, failure: Failed, now_s: float) -> None:
        limited = failure.error_class is ErrorClass.RATE_LIMITED
        seconds = failure.retry_after_s or (10.0 if limited else 0.0)
        if failure.http_status in {429, 503} and seconds:
            self.asked_s = max(self.asked_s, now_s + min(seconds, CAP_S))
            self.asked_at_s = now_s
            if failure.error_class is ErrorClass.RATE_LIMITED:
                self.unaged_s = self.asked_s

    def resumed(self, now_s: float) -> None:
        self.held, self.row, self.asked_s = False, 0, 0.0
        self.opens(now_s)

    def waiting_s(self, begin_s: float, end_s: float) -> float:
        """At most so much of this time is the receiver's doing."""
        if self.held or self.shut == "offline":
            return 0.0
        return max(0.0, end_s - max(begin_s, self.unaged_s))


class Doors:
    """Of all endpoints of one life of the core, and the network behind them."""

    def __init__(self, doors: dict[str, Door]):
        self.doors = doors
        self.trouble: Reach | None = None  # what the box's own network has
        self._up: set[str] = set()  # whose last word was an answer
        self._silent: dict[str, int] = {}

    def heard(self, name: str, outcome: Outcome, now_s: float, started_s: float, *, probe: bool) -> bool:
        """Take in what came of an attempt; whether it failed of the box's own network."""
        door, failure = self.doors[name], outcome if isinstance(outcome, Failed) else None
        reach = failure.reach if failure else Reach.UP
        before, self.trouble = self.trouble, self._network(name, reach)
        ours = reach in FAULT_OF_BOX or (reach is Reach.SILENT and self.trouble is not None)
        if self.trouble is not before:
            self._turned(self.doors.values(), now_s)
        stale = started_s < max(door.shut_s, door.opened_s)  # on its way before the door was shut or opened
        if failure is None:
            if not stale:
                door.row = 0
                door.opens(now_s)
            if started_s >= door.asked_at_s:  # it had been asked to wait already, and took this one all the same
                door.asked_s = 0.0
        else:
            self._failed(door, failure, now_s, ours=ours, stale=stale)
        if probe:
            door.probing, door.probed_s = 0, now_s
        return ours

    def _failed(self, door: Door, failure: Failed, now_s: float, *, ours: bool, stale: bool) -> None:
        door.listen(failure, now_s)
        if failure.http_status == 410:
            door.held, door.held_s = True, now_s
        if ours:
            door.shuts("offline", now_s)
        elif stale:
            pass
        elif failure.error_class not in HURTS:
            door.row = 0
            door.opens(now_s)
        else:
            door.row += 1
            if door.row >= 5:
                door.shuts("open", now_s)
            elif door.shut == "offline":
                door.opens(now_s)

    def _network(self, name: str, reach: Reach) -> Reach | None:
        self._up.discard(name)
        if reach is Reach.UP:
            self._up.add(name)
            self._silent.clear()
            return None
        if reach is Reach.SILENT:
            self._silent[name] = self._silent.get(name, 0) + 1
        proved = bool(self._up)
        enough = reach in FAULT_OF_BOX or sum(self._silent.values()) >= 2
        if proved or not enough:
            return self.trouble
        return Reach.DOWN if reach is Reach.SILENT else reach

    def _turned(self, doors: Iterable[Door], now_s: float) -> None:
        for door in doors:
            if self.trouble is not None:
                door.shuts("offline", now_s)
            elif door.shut == "offline":
                door.opens(now_s)


def refuses(outcome: Outcome) -> bool:
    """Whether the receiver says that the request itself is wrong."""
    return (
        isinstance(outcome, Failed)
        and outcome.error_class is ErrorClass.HTTP_4XX
        and outcome.http_status not in {408, 410, 425, 429}
    )
