"""What the console knows of its core, and since when. Plain values; only the feed's news changes them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from core import wire
from core.wire_access import WhoAmI
from core.wire_endpoints import EndpointItem, Endpoints
from core.wire_windows import Order, RetryGroup

SLOW_S: Final = 1.0
STALE_S: Final = 5.0  # what is older is not shown as live
TREND_POINTS: Final = 48
TREND_FIRST_S: Final = 5.0
TREND_LONGEST_S: Final = 80.0  # 48 of them are an hour


class LinkState(StrEnum):
    """How the console stands with its core."""

    CONNECTING = "connecting"
    LIVE = "live"
    SLOW = "slow"
    STALE = "stale"
    LOST = "lost"
    DENIED = "denied"
    ALIEN = "alien"


@dataclass(frozen=True, kw_only=True)
class Link:
    """`cause` is a key of the words' group `cause`; `tries` counts the vain attempts since the last answer."""

    state: LinkState = LinkState.CONNECTING
    cause: str | None = None
    detail: str = ""
    tries: int = 0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What one round of questions brought; None where nobody asked. `asked_s` is when it was asked, in steady seconds:
    an answer is as old as its question. `untold`: why the core would not name its endpoints, a key of the group `cause`.
    `me`: who the core takes this console for.
    """

    asked_s: float
    took_s: float
    status: wire.Status
    cabinets: wire.Cabinets | None = None
    cases: tuple[wire.CaseItem, ...] | None = None
    listed: "Listed | None" = None
    groups: tuple[RetryGroup, ...] | None = None
    groups_untold: str | None = None
    drain: wire.DrainResult | None = None
    endpoints: Endpoints | None = None
    untold: str | None = None
    me: WhoAmI | None = None


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A delivery as last heard of; `due_s` is when it may go, in this console's steady seconds: no wall clock decides."""

    item: wire.RetryItem
    due_s: float | None

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until it may go, 0 when it is due; None while an earlier one of its case, or its endpoint, is missing."""
        return None if self.due_s is None else max(0.0, self.due_s - now_s)


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which deliveries somebody wants to see: all of a `status` that hold a text (`without`: that don't), of one endpoint and
    for one reason where these are given, in which order; and of them those round `anchor`, or else from place `offset` on.
    """

    status: str
    sort: Order = "next"
    descending: bool = False
    text: str = ""
    without: bool = False
    endpoint: str | None = None
    reason: str | None = None
    anchor: str | None = None
    offset: int = 0
    limit: int = 200

    @property
    def whole(self) -> "Question":
        """The same list, wherever one looks at it."""
        return replace(self, anchor=None, offset=0, limit=0)

    @property
    def query(self) -> dict[str, str | int | bool]:
        """As the core takes it."""
        asked: dict[str, str | int | bool | None] = {
            "status": self.status,
            "sort": self.sort,
            "descending": self.descending,
            "q": self.text or None,
            "without": self.without if self.text else None,
            "endpoint": self.endpoint,
            "reason": self.reason,
        }
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def window(self) -> dict[str, str | int | bool]:
        """With the rows of it that are asked for."""
        round_it = {"anchor": self.anchor} if self.anchor is not None else {}
        return {**self.query, **round_it, "offset": self.offset, "limit": self.limit}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The answer to a question: some of the `total` deliveries that fit, from place `offset` on; `all` are as many as have
    the status. `gone`: the anchor is none of them any more. `untold`: why the core would not name them, a key of the group
    `cause`.
    """

    question: Question
    items: tuple[Retry, ...]
    offset: int
    total: int
    all: int
    gone: bool
    sending: frozenset[str]
    untold: str | None = None


@dataclass
class Trend:
    """The course of one value since the console opened: TREND_POINTS means, each over `step_s`, which doubles whenever
    the row is full, up to TREND_LONGEST_S. A step without a good value is a gap.
    """

    step_s: float = TREND_FIRST_S
    points: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND_POINTS))
    _sum: float = 0.0
    _count: int = 0
    _since_s: float | None = None

    def add(self, value: float | None, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        while now_s - self._since_s >= self.step_s:
            if len(self.points) == TREND_POINTS and self.step_s < TREND_LONGEST_S:
                self._halve()  # the running step goes on, and is twice as long now
            else:
                self._since_s += self.step_s
                self._close()
        if value is not None:
            self._sum += value
            self._count += 1

    def begin_with(self, before: Sequence[float | None]) -> None:
        """What was before the console opened: means over TREND_LONGEST_S each, the newest last. What was added since is the
        running step.
        """
        self.step_s = TREND_LONGEST_S
        self.points.clear()
        self.points.extend(before)

    @property
    def shown(self) -> list[float | None]:
        """The closed steps and the running one."""
        running = self._sum / self._count if self._count else None
        return [*self.points, running][-TREND_POINTS:]

    def _close(self) -> None:
        self.points.append(self._sum / self._count if self._count else None)
        self._sum, self._count = 0.0, 0

    def _halve(self) -> None:
        old = list(self.points)
        self.points.clear()
        for pair in zip(old[::2], old[1::2], strict=True):
            known = [value for value in pair if value is not None]
            self.points.append(sum(known) / len(known) if known else None)
        self.step_s *= 2


class Store:
    """The latest of everything. `heard_s` is the age mark of all that is shown: None before the first answer. The
    endpoints have one of their own, since they are not asked for everywhere.
    """

    def __init__(self) -> None:
        self.link = Link()
        self.heard_s: float | None = None
        self.status: wire.Status | None = None
        self.cabinets: tuple[wire.CabinetItem, ...] = ()
        self.cases: tuple[wire.CaseItem, ...] = ()
        self.listed: Listed | None = None
        self.groups: tuple[RetryGroup, ...] = ()
        self.groups_untold: str | None = None
        self.drain: wire.DrainResult | None = None
        self.endpoints: Endpoints | None = None
        self.endpoints_s: float | None = None
        self.untold: str | None = None
        self.trends: dict[str, Trend] = {}

    def apply(self, news: Snapshot) -> None:
        """Take in one round."""
        self.status, self.heard_s = news.status, news.asked_s
        self.link = Link(state=LinkState.SLOW if news.took_s > SLOW_S else LinkState.LIVE)
        if news.cabinets is not None:
            self.cabinets = news.cabinets.items
            sensors = [sensor for cabinet in self.cabinets for sensor in cabinet.sensors]
            self.trends = {one.sensor: self.trends.get(one.sensor, Trend()) for one in sensors}
            for sensor in sensors:
                self.trends[sensor.sensor].add(sensor.value, news.asked_s)
        if news.cases is not None:
            self.cases = news.cases
        if news.endpoints is not None or news.untold is not None:
            self.endpoints, self.endpoints_s, self.untold = news.endpoints, news.asked_s, news.untold
        if news.groups is not None or news.groups_untold is not None:
            self.groups, self.groups_untold = news.groups or (), news.groups_untold
        self.listed, self.drain = news.listed, news.drain

    def cabinet(self, cabinet_id: str | None) -> wire.CabinetItem | None:
        """The cabinet of this id."""
        return next((cabinet for cabinet in self.cabinets if cabinet.id == cabinet_id), None)

    def case(self, case_id: str | None) -> wire.CaseItem | None:
        """The open case of this id."""
        return next((case for case in self.cases if case.case_id == case_id), None)

    def endpoint(self, endpoint_id: str | None) -> EndpointItem | None:
        """The endpoint of this id."""
        known = self.endpoints.items if self.endpoints is not None else ()
        return next((endpoint for endpoint in known if endpoint.id == endpoint_id), None)

    def retry(self, delivery_id: str | None) -> Retry | None:
        """The delivery of this id, as far as it is among those that were asked for."""
        known = self.listed.items if self.listed is not None else ()
        return next((one for one in known if one.item.delivery_id == delivery_id), None)

    def is_sending(self, delivery_id: str) -> bool:
        return self.listed is not None and delivery_id in self.listed.sending

    def age_s(self, now_s: float) -> float | None:
        """How old all this is."""
        return None if self.heard_s is None else max(0.0, now_s - self.heard_s)

    def state(self, now_s: float) -> LinkState:
        """The link's state, or STALE where it claims to live and the data say otherwise."""
        age_s = self.age_s(now_s)
        if self.link.state in {LinkState.LIVE, LinkState.SLOW} and (age_s is None or age_s > STALE_S):
            return LinkState.STALE
        return self.link.state

    def live(self, now_s: float) -> bool:
        """Whether what is shown may be taken for the present."""
        return self.state(now_s) in {LinkState.LIVE, LinkState.SLOW}
