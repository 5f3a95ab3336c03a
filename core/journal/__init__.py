"""Crash-safe JSONL. Knows no domain: an item is an id and a JSON document in bytes.

SnapshotJournal keeps the newest document of each live id and rewrites itself; AppendLog only grows.
"""

from core.journal.append import AppendLog, Archive
from core.journal.files import SICK_DISK
from core.journal.lock import DirectoryLock
from core.journal.snapshot import SnapshotJournal

__all__ = ["SICK_DISK", "AppendLog", "Archive", "DirectoryLock", "SnapshotJournal"]
