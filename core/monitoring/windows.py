"""What is known of a cabinet that excuses warm air for a while: a defrost, an open door, somebody who works on it.

What is known comes from a contact, from the timetable of its controller, or from a person; what is only guessed from the
course of the air is the rules' own business (course). Each lengthens the alarm's delay within the rules' bound, no more.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from core.clock import Clock
from core.monitoring import contacts
from core.monitoring.case_book import CaseBook
from core.monitoring.cases import Kind
from core.monitoring.course import Hold
from core.monitoring.posts import Post
from core.samples import Quantity


class Windows:
    """Looks at the other sensors of a cabinet, at the clock of its site, and at what people said."""

    def __init__(self, posts: Sequence[Post], book: CaseBook, zone: tzinfo, clock: Clock):
        self._book, self._zone, self._clock = book, zone, clock
        self._mates: dict[str, list[Post]] = {}
        for post in posts:
            self._mates.setdefault(post.cabinet.id, []).append(post)

    def of(self, post: Post, at: datetime) -> Hold | None:
        """Why the air of this post's cabinet may be warm at that moment."""
        return next(self._open(post, at), None) if post.sensor.quantity is Quantity.TEMPERATURE else None

    def _open(self, post: Post, at: datetime) -> Iterator[Hold]:
        cabinet = post.cabinet
        for mate in self._mates[cabinet.id]:
            window = self._told_by(mate) if mate.speaks else None
            if window is not None:
                yield window
        # A timetable is worth what the clock is.
        if cabinet.defrost.times and self._clock.synchronised():
            window = contacts.scheduled_window(cabinet.defrost, at.astimezone(self._zone))
            if window is not None:
                yield window
        if self._book.service(cabinet.id).maintenance_s is not None:
            yield Hold.MAINTENANCE

    def _told_by(self, contact: Post) -> Hold | None:
        if contact.sensor.quantity is Quantity.DOOR:
            return contacts.door_window(self._book.watch(contact.key(Kind.DOOR_OPEN)))
        if contact.sensor.quantity is not Quantity.DEFROST:
            return None
        key = contact.key(Kind.DEFROST_OVERRUN)
        watch = self._book.watch(key)
        if contacts.may_be_over(watch) and not any(mate.may_be_warm for mate in self._mates[contact.cabinet.id]):
            self._book.keep_watch(key, contacts.recovered(watch), durable=True)
            return None
        return contacts.defrost_window(watch, contact.cabinet.defrost)
