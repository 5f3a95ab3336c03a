"""What a journal says about itself. Values only."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Durability(StrEnum):
    """Whether what was accepted is on disk."""

    DURABLE = "durable"
    MEMORY_ONLY = "memory_only"


class JournalHealth(Struct, frozen=True, kw_only=True):
    """Figures of one journal for status; times in ms, sizes in bytes.

    `damaged_lines` counts a file that was missing beside its previous generation as one.
    """

    state: Durability
    reason: str | None
    since: datetime | None
    last_sync_ms: float
    worst_sync_ms: float
    torn_tails: int
    damaged_lines: int
    quarantined_files: int
    lost_numbers: int
    unclean_start: bool
    size: int
    lines: int
    generation: int
