"""What the tests of the caps share: a box with dead letters, and a look into its archive."""

import contextlib
import json
from pathlib import Path
from typing import Any

from core.events import Severity
from core.journal import Archive
from core.settings import Retry
from core.webhooks.bounds import Bounds
from core.webhooks.entry import Entry
from tests.core.webhooks.factories import REFUSED, Box, a_box, an_event

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def bounds_of(box: Box) -> Bounds:
    return Bounds(box.queue, Archive(box.directory, box.clock), box.policy, box.clock)


async def waiting(box: Box, *severities: Severity) -> list[Entry]:
    """One pending delivery of each, oldest first: evt_0, evt_1, …"""
    return await box.accept(*(an_event(f"evt_{at}", severity=severity) for at, severity in enumerate(severities)))


async def dead(box: Box, count: int) -> list[Entry]:
    """So many dead letters, those that died first in front."""
    await box.accept(*(an_event(f"evt_{at}") for at in range(count)))
    return [box.fail_until_dead(REFUSED) for _ in range(count)]


def a_dead_box(directory: Path, **policy: Any) -> contextlib.AbstractContextManager[Box]:
    """Where the first failure is the last."""
    return a_box(directory, policy=Retry(max_attempts=1, **policy))


def states(entries: list[Entry]) -> list[str]:
    return [str(entry.delivery.status) for entry in entries]


def archived(box: Box) -> list[dict[str, Any]]:
    """What stands in the archive, read as anyone with jq would."""
    files = sorted((box.directory / "archive").glob("dead-*.jsonl"))
    return [json.loads(line)["d"] for file in files for line in file.read_bytes().splitlines()]


def told(deliveries: list[dict[str, Any]]) -> list[str]:
    return [one["event_id"] for one in deliveries]
