"""What changed between two looks at the core, as the same structs that the routes answer. Pure looking, and cheap.

What runs on by itself is no change: an open case's value, peak and duration, a cabinet's numbers, ages and remaining times.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from msgspec import Struct, structs

from core import wire
from core.manage_api import endpoints, retry_views, views
from core.manage_api.parts import Parts
from core.manage_api.status import StatusBoard
from core.monitoring.cases import Case
from core.webhooks.channels import Channel
from core.wire_stream import StreamReset

RETRIES_AT_ONCE: Final = 250  # what one look may tell; the rest comes with the next ones


class Changed(NamedTuple):
    """`name` says of what kind the item is."""

    name: str
    item: Struct


class Changes:
    """Remembers what the last look saw."""

    def __init__(self, parts: Parts, board: StatusBoard):
        self._parts, self._board = parts, board
        self._cases: dict[str, Case] = {}
        self._seen: dict[tuple[str, str], object] = {}
        self._seq: int | None = None

    def look(self) -> list[Changed]:
        """What is different from the last look, in its newest state; of the first one nothing."""
        first = self._seq is None
        found = [
            *self._of_cases(),
            *self._of_retries(),
            *self._of_cabinets(),
            *self._of_endpoints(),
            *self._of_status(),
        ]
        return [] if first else found

    def _of_cases(self) -> Iterator[Changed]:
        before, self._cases = self._cases, {one.case_id: one for one in reversed(self._parts.book.all())}
        for case_id, case in self._cases.items():
            old = before.get(case_id)
            if old is not case and (old is None or self._steady(old) != self._steady(case)):
                yield Changed("case", views.case(self._parts, case))

    def _steady(self, case: Case) -> wire.CaseItem:
        """Without what goes on with each reading and each second."""
        shown = views.case(self._parts, case)
        return structs.replace(shown, value=None, peak=None, duration_s=0.0, shelved_s=None)

    def _of_retries(self) -> Iterator[Changed]:
        queue = self._parts.queue
        if self._seq is None:
            self._seq = queue.seq
        if self._seq < queue.known.forgotten_seq:
            self._seq = queue.known.forgotten_seq
            yield Changed("reset", StreamReset(reason="too_many_changes"))
        if self._seq == queue.seq:
            return
        changed = tuple(islice(queue.index.by_change.after(self._seq), RETRIES_AT_ONCE))
        self._seq = changed[-1].n if len(changed) == RETRIES_AT_ONCE else queue.seq
        for entry in changed:
            yield Changed("retry", retry_views.retry(self._parts, entry))

    def _of_cabinets(self) -> Iterator[Changed]:
        counts = views.open_cases(self._parts)
        for cabinet in self._parts.loaded.settings.cabinets:
            item = views.cabinet(self._parts, cabinet, counts[cabinet.id])
            if self._is_new("cabinet", cabinet.id, _standing(item)):
                yield Changed("cabinet", item)

    def _of_endpoints(self) -> Iterator[Changed]:
        for channel in self._parts.dispatcher.channels():
            if self._is_new_endpoint(channel):
                yield Changed("endpoint", endpoints.item(self._parts, channel))

    def _is_new_endpoint(self, channel: Channel) -> bool:
        """What it counts is no news, nor a hold that ends by waiting; how it stands is."""
        name, last = channel.endpoint.id, channel.last_failure
        stands = (
            views.endpoint(self._parts, name).state,
            channel.gate.held,
            channel.gate.standing,
            last.error_class if last else None,
        )
        return self._is_new("endpoint", name, stands)

    def _of_status(self) -> Iterator[Changed]:
        status = self._board.status()
        if self._is_new("status", "", _notable(status)):
            yield Changed("status", status)

    def _is_new(self, name: str, item_id: str, seen: object) -> bool:
        before = self._seen.get((name, item_id))
        self._seen[(name, item_id)] = seen
        return before != seen


def _standing(item: wire.CabinetItem) -> object:
    """How a cabinet and its sensors stand, and what people said of it."""
    sensors = tuple((one.sensor, one.state, one.quality, one.fault, one.hold) for one in item.sensors)
    said = item.out_since, item.due_back, item.maintenance_s is None, item.service_by, item.service_reason
    return item.state, item.open_cases, said, sensors


def _notable(status: wire.Status) -> object:
    """What a person should see change."""
    disk, webhooks = status.durability, status.webhooks
    journals = {name: (one.state, one.reason, one.degraded) for name, one in disk.journals.items()}
    return (
        status.clock_synced,
        status.network,
        (disk.state, disk.degraded, disk.archive_unacknowledged, journals),
        [(source.id, source.state, source.error) for source in status.monitoring.sources],
        (status.cases.open, status.cases.critical, status.cases.warning),
        (webhooks.pending, webhooks.dead_letter, webhooks.by_endpoint, webhooks.drain_id),
        [(problem.code, problem.text) for problem in status.problems],
    )
