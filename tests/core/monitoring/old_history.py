"""A history as the first version of its file holds it: nothing in it says what was in force."""

import sqlite3
from datetime import datetime
from pathlib import Path

from core.monitoring.labels import MINUTE_MS, ms
from core.monitoring.minute_file import NAME
from core.monitoring.minute_schema import _STEPS
from tests.core.monitoring.factories import AIR, START


def an_old_history(directory: Path, *, minutes: int = 3, at: datetime = START, sensor: str = AIR) -> Path:
    """One span of the air, 4.00 °C in each minute."""
    path = directory / NAME
    db = sqlite3.connect(path)
    db.executescript(f"PRAGMA journal_mode = WAL; BEGIN; {_STEPS[0]} PRAGMA user_version = 1; COMMIT;")
    last = minutes - 1
    with db:
        db.execute("INSERT INTO spans VALUES (1, ?, 0, ?, ?, ?)", (sensor, ms(at), last, ms(at) + last * MINUTE_MS))
        rows = [(1, minute, 0, 400, 400, 400, 6, 0, 0) for minute in range(minutes)]
        db.executemany("INSERT INTO minutes VALUES (?,?,?,?,?,?,?,?,?)", rows)
    db.close()
    return path
