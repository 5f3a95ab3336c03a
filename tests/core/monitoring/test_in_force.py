"""The history remembers what each minute was judged by, in the order it happened, whatever the clock and the disk do."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from core import config
from core.monitoring.history import History
from core.monitoring.in_force import SensorTerms, in_force
from core.monitoring.minute_file import NAME
from core.monitoring.minute_schema import VERSION
from tests.core.config_texts import a_config
from tests.core.monitoring.factories import START
from tests.core.monitoring.histories import BOX, a_history, means, record, some_terms, ticks
from tests.core.monitoring.old_history import an_old_history
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

STRICT, LOOSE = some_terms(high=5.0, offset=-0.4), some_terms(high=8.0)
HELD = "SELECT s.tick, s.last + 1, t.high FROM spans AS s LEFT JOIN terms AS t ON t.id = s.terms ORDER BY s.tick"
CONFIG = """\
[device]
id = "box"
site = "s-1"

[[sources]]
id = "sim"
driver = "simulated"

[[sources]]
id = "bus"
driver = "http_json"
url = "http://127.0.0.1/"

[[cabinets]]
id = "03"
name = "鲜奶柜"
preset = "cn_frozen_18"
limits = { high = -14 }
humidity = { high = 70 }

[[sensors]]
id = "air"
cabinet = "03"
source = "bus"
point = "t"
offset = -0.4
calibration = { on = 2026-10-01, by = "李工", due = 2027-10-01 }

[[sensors]]
id = "rh"
cabinet = "03"
source = "bus"
point = "h"
quantity = "humidity"

[[sensors]]
id = "sim"
cabinet = "03"
source = "sim"
point = "freezer"
"""


def held(directory: Path) -> list[tuple[int, int, float | None]]:
    """From which tick on, for how many minutes, which upper limit held."""
    with closing(sqlite3.connect(directory / NAME)) as db:
        return db.execute(HELD).fetchall()


async def a_life(directory: Path, terms: SensorTerms, *, at_min: int, minutes: int = 3) -> History:
    history = a_history(directory, FakeClock(), terms=terms)
    record(history, [1.0] * minutes, at=START + timedelta(minutes=at_min))
    await history.close()
    return history


def test_the_limits_are_the_presets_with_the_cabinets_own_and_each_quantity_has_its_own(tmp_path: Path) -> None:
    found = in_force(config.load(a_config(tmp_path, CONFIG)).settings).sensors
    air, rh = found["air"], found["rh"]
    assert (air.low, air.high, air.warn_high, air.offset) == (None, -14.0, -15.0, -0.4)
    assert (air.cabinet, air.cabinet_name, air.preset) == ("03", "鲜奶柜", "cn_frozen_18")
    assert (air.calibrated_on, air.calibrated_by, air.calibration_due) == (
        date(2026, 10, 1).isoformat(),
        "李工",
        date(2027, 10, 1).isoformat(),
    )
    assert (rh.low, rh.high, rh.quantity) == (None, 70.0, "humidity")
    assert [found[one].simulated for one in ("air", "rh", "sim")] == [False, False, True]


async def test_other_limits_hold_from_the_first_minute_of_the_run_that_was_set_so(tmp_path: Path) -> None:
    await a_life(tmp_path, LOOSE, at_min=0)
    await a_life(tmp_path, STRICT, at_min=10)
    await a_life(tmp_path, LOOSE, at_min=20)
    assert held(tmp_path) == [(0, 3, 8.0), (10, 3, 5.0), (20, 3, 8.0)]


async def test_a_wall_clock_that_went_back_puts_no_minute_under_other_limits(tmp_path: Path) -> None:
    """The later run's labels lie before the earlier one's: the file's own order counts."""
    await a_life(tmp_path, LOOSE, at_min=600)
    await a_life(tmp_path, STRICT, at_min=0)
    assert held(tmp_path) == [(0, 3, 8.0), (3, 3, 5.0)]


async def test_the_same_settings_are_written_down_once_and_begin_no_span(tmp_path: Path) -> None:
    for at_min in (0, 3, 6):
        await a_life(tmp_path, LOOSE, at_min=at_min)
    assert held(tmp_path) == [(0, 9, 8.0)]
    await a_life(tmp_path, STRICT, at_min=9)
    await a_life(tmp_path, LOOSE, at_min=12)
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        assert db.execute("SELECT high FROM terms ORDER BY id").fetchall() == [(8.0,), (5.0,)]
        assert db.execute("SELECT id, site, site_name, timezone FROM device").fetchall() == [
            (BOX.id, BOX.site, BOX.site_name, BOX.timezone)
        ]


async def test_a_sensor_that_is_not_configured_is_under_terms_nobody_knows(tmp_path: Path) -> None:
    history = a_history(tmp_path, FakeClock())
    record(history, [1.0], sensor="stranger")
    await history.close()
    assert held(tmp_path) == [(0, 1, None)]


async def test_an_older_file_is_upgraded_in_its_place_and_its_minutes_stay_under_unknown_limits(tmp_path: Path) -> None:
    an_old_history(tmp_path)
    await a_life(tmp_path, STRICT, at_min=3)
    assert held(tmp_path) == [(0, 3, None), (3, 3, 5.0)]
    assert means(tmp_path) == [4.0] * 3 + [1.0] * 3
    assert ticks(tmp_path) == list(range(6))


async def test_an_upgrade_that_fails_halfway_changes_nothing_and_costs_no_minute(tmp_path: Path) -> None:
    """All of it is one transaction: here its last table can't be made, elsewhere the box is killed."""
    path = an_old_history(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE device (wrong)")
    history = a_history(tmp_path, FakeClock())
    record(history, [1.0, 1.0], at=START + timedelta(minutes=3))
    history.commit()
    assert history.problem is not None
    with closing(sqlite3.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert "terms" not in names
        db.execute("DROP TABLE device")
    await history.close()
    assert means(tmp_path) == [4.0] * 3 + [1.0] * 2
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_a_file_that_was_replaced_while_it_was_in_use_knows_the_terms_too(tmp_path: Path) -> None:
    history = a_history(tmp_path, FakeClock())
    record(history, [1.0, 1.0])
    history.commit()
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    record(history, [1.0], at=START + timedelta(minutes=2), steady_s=120.0)
    await history.close()
    assert [high for _, _, high in held(tmp_path)] == [8.0]
