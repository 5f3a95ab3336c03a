"""What becomes of a sensor's cases when a rule says that something began, goes on or is over."""

import math
from datetime import datetime

from msgspec import structs

from core.events import Severity
from core.monitoring import cases, rules
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Case, Condition, Kind
from core.monitoring.judges import LIMIT_KINDS, OF_VALUES, Judge
from core.monitoring.posts import Post
from core.monitoring.rules import Change, Edge, Watch
from core.samples import Reading


class CaseWork:
    """Opens, follows and clears the cases of the book."""

    def __init__(self, book: CaseBook):
        self._book = book

    def follow(
        self,
        post: Post,
        judge: Judge,
        case: Case,
        watch: Watch,
        change: Change | None,
        reading: Reading,
        value: float,
        counted_s: float,
    ) -> None:
        """An open case goes on: its course, its severity, its end."""
        severity, was = watch.severity or case.severity, case.condition
        duration_s = max(case.duration_s, round(case.earlier_s + counted_s, 1))
        case = structs.replace(case, condition=Condition.ACTIVE, duration_s=duration_s)
        if judge.kind in OF_VALUES:
            case = structs.replace(case, value=value)
        if judge.edge is not None:
            peak = judge.edge.worse(case.peak, watch.peak)
            case = structs.replace(case, limit=judge.edge.limit_for(severity), peak=peak)
        elif watch.peak is not None:
            case = structs.replace(case, peak=watch.peak if case.peak is None else max(case.peak, watch.peak))
        if change is Change.CLEARED:
            post.cleared_s[judge.kind] = reading.steady_s
            self._book.put(cases.cleared(case, reading.at))
        elif change is Change.SEVERITY_CHANGED:
            self._book.put(cases.severity_changed(case, severity, reading.at))
        elif was is Condition.UNKNOWN:
            self._book.put(case)
        else:
            self._book.see(case)

    def open(
        self,
        post: Post,
        kind: Kind,
        severity: Severity,
        at: datetime,
        now_s: float,
        *,
        edge: Edge | None = None,
        watch: Watch = rules.IDLE,
        value: float | None = None,
        fault: str | None = None,
        outage_s: float | None = None,
    ) -> None:
        """Open a case, or reopen the one of the same trouble that nobody has closed yet. `now_s` is the time of its readings, of
        a silence this box's.
        """
        post.opened_s[kind] = now_s
        earlier = self._book.cleared(post.key(kind))
        soon = now_s - post.cleared_s.get(kind, -math.inf) <= post.terms.reopen_window_s
        again = watch.quiet_s is not None if kind in LIMIT_KINDS else soon
        if earlier is not None and again:
            if edge is not None:
                peak = edge.worse(earlier.peak, watch.peak)
                earlier = structs.replace(earlier, limit=edge.limit_for(severity), peak=peak)
            self._book.put(cases.reopened(earlier, severity=severity, value=value, fault=fault, at=at))
            return
        case = post.case(self._book.new_id(), kind, severity, at, watch=watch, edge=edge)
        gap_s = outage_s if outage_s is not None and math.isfinite(outage_s) else None
        case = structs.replace(case, value=value, fault=fault, gap_s=gap_s)
        self._book.put(cases.opened(case))

    def clear(self, post: Post, kind: Kind, at: datetime, now_s: float) -> None:
        """The end of a case that no value counts."""
        self.age(post, kind, now_s)
        case = self._book.current(post.key(kind))
        if case is not None:
            post.cleared_s[kind] = now_s
            self._book.put(cases.cleared(case, at))

    def age(self, post: Post, kind: Kind, now_s: float) -> None:
        case = self._book.current(post.key(kind))
        if case is not None:
            self._book.see(
                structs.replace(case, duration_s=round(case.earlier_s + self.lasted_s(post, case, now_s), 1))
            )

    def lasted_s(self, post: Post, case: Case, now_s: float) -> float:
        """Since it opened last, in steady time: the wall clock may have been in 1970 then. Over a restart it goes on from what was
        written.
        """
        return now_s - post.opened_s.setdefault(case.kind, now_s - case.duration_s + case.earlier_s)

    def lose_sight(self, post: Post) -> None:
        """Without a good reading nobody knows whether what its values said goes on: it neither clears nor opens."""
        for judge in post.judges:
            case = self._book.current(post.key(judge.kind))
            if case is not None and case.condition is Condition.ACTIVE:
                self._book.put(structs.replace(case, condition=Condition.UNKNOWN))
