"""The tables of `history.sqlite3`, how an older file gets those it lacks, and what it remembers of the settings."""

import sqlite3
from typing import Final

from msgspec import structs

from core.monitoring.in_force import InForce, SensorTerms

# What each version added to the one before; `user_version` says how many a file has.
_STEPS: Final = (
    """
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, tick INTEGER NOT NULL, at INTEGER NOT NULL,
    last INTEGER NOT NULL, last_at INTEGER NOT NULL
);
CREATE INDEX spans_of_sensor ON spans (sensor, tick);
CREATE TABLE minutes (
    span INTEGER NOT NULL, minute INTEGER NOT NULL, late INTEGER NOT NULL, low INTEGER, mean INTEGER, high INTEGER,
    good INTEGER NOT NULL, missed INTEGER NOT NULL, quality INTEGER NOT NULL, PRIMARY KEY (span, minute)
) WITHOUT ROWID;
CREATE TABLE alive (one INTEGER PRIMARY KEY CHECK (one = 1), boot_id TEXT NOT NULL, steady_s REAL NOT NULL, at INTEGER NOT NULL);
""",
    """
CREATE TABLE terms (
    id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, cabinet TEXT NOT NULL, cabinet_name TEXT NOT NULL, quantity TEXT NOT NULL,
    preset TEXT, low REAL, high REAL, warn_low REAL, warn_high REAL, "offset" REAL NOT NULL,
    calibrated_on TEXT, calibrated_by TEXT, calibration_due TEXT, simulated INTEGER NOT NULL
);
ALTER TABLE spans ADD COLUMN terms INTEGER;
CREATE TABLE device (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, site TEXT NOT NULL, site_name TEXT NOT NULL, timezone TEXT NOT NULL
);
""",
)
VERSION: Final = len(_STEPS)
_COLUMNS: Final = ("sensor", *SensorTerms.__struct_fields__)
_NAMES: Final = ", ".join(f'"{name}"' for name in _COLUMNS)
_KNOWN: Final = f"SELECT id, {_NAMES} FROM terms"  # noqa: S608 - names of ours
_ADD: Final = f"INSERT INTO terms ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_DEVICE: Final = "REPLACE INTO device VALUES (1, ?, ?, ?, ?)"


def missing(db: sqlite3.Connection) -> str:
    """What makes the file one of this version, in one transaction, so that a kill leaves the old one or the new one.

    Raises sqlite3.NotSupportedError where a newer version wrote it.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise sqlite3.NotSupportedError(f"a newer version ({version}) wrote it")
    if version == VERSION:
        return ""
    return f"BEGIN IMMEDIATE; {''.join(_STEPS[version:])} PRAGMA user_version = {VERSION}; COMMIT;"


def written_down(db: sqlite3.Connection, now: InForce | None) -> dict[str, int]:
    """By which terms of the file each sensor is judged now; the same ones stand in it once, however often they hold."""
    if now is None:
        return {}
    device = now.device
    db.execute(_DEVICE, (device.id, device.site, device.site_name, device.timezone))
    known = {tuple(row): number for number, *row in db.execute(_KNOWN)}
    found = {}
    for sensor, terms in now.sensors.items():
        row = (sensor, *structs.astuple(terms))
        found[sensor] = known[row] if row in known else db.execute(_ADD, row).lastrowid or 0
    return found
