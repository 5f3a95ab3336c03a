"""`cdg-core backtest --csv`: which columns of a CSV file are which sensors of a cabinet, and which of its rows can be used."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import structs

from core.backtest import Row, Verdict, judge
from core.backtest_terms import Backtest, asked, listed
from core.errors import ConfigError, SensorError
from core.samples import Quantity
from core.sensors.replay import Recording, column_of, number
from core.settings import ReplaySource, Sensor

_TEMPERATURE: Final = ("temp", "温度")
_PROBLEMS: Final = {"no_such_file": "there is no such file", "unreadable": "can't be read"}


def backtest(
    config: Path,
    cabinet_id: str,
    csv: Path,
    *,
    columns: Sequence[str] = (),
    time_column: str | None = None,
    sensor_id: str | None = None,
    tried: Sequence[str] = (),
) -> Backtest:
    """Judge the file `csv`. `columns` are NAME, of the temperature sensor, or SENSOR=NAME; `tried` are KEY=VALUE of the
    cabinet. Raises ConfigError.
    """
    trial = asked(config, cabinet_id, sensor_id, tried)
    mine, air = trial.sensors, trial.air
    sources = {source.id: source for source in trial.settings.sources}
    source = sources[air.source]
    if time_column is None:
        time_column = source.time_column if isinstance(source, ReplaySource) else "time"
    own = {sensor.id: column_of(sensor) for sensor in mine if isinstance(sources[sensor.source], ReplaySource)}
    tape = _Tape(csv, time_column)
    try:
        chosen = _Columns(tape, mine, air, own).choose(columns)
        judged = [sensor for sensor in mine if sensor.id in chosen]
        found = judge(trial.settings, trial.cabinet, judged, tape.rows({s.id: chosen[s.id] for s in judged}))
        verdict = structs.replace(tape.checked(found), skipped=tape.skipped)
    finally:
        tape.close()
    return Backtest(verdict=verdict, notes=(*_choice(mine, air, chosen, sensor_id), *tape.notes()))


def _choice(mine: Sequence[Sensor], air: Sensor, chosen: dict[str, str], sensor_id: str | None) -> Iterator[str]:
    yield "judged: " + ", ".join(f"{sensor} by column {column!r}" for sensor, column in chosen.items())
    left = [sensor for sensor in mine if sensor.id not in chosen]
    if sensor_id is None and any(sensor.quantity is Quantity.TEMPERATURE for sensor in left):
        yield f"{air.id} is the cabinet's first temperature sensor; --sensor takes another"
    if left:
        yield f"not judged, having no column: {', '.join(sensor.id for sensor in left)}; --column SENSOR=NAME gives one"


class _Columns:
    """Which column each sensor is. `own` are the columns that sensors of a replay have by themselves."""

    def __init__(self, tape: "_Tape", mine: Sequence[Sensor], air: Sensor, own: dict[str, str]):
        self._tape, self._mine, self._air, self._own = tape, mine, air, own

    def choose(self, given: Sequence[str]) -> dict[str, str]:
        """By sensor; raises ConfigError for what the file or the cabinet does not have."""
        chosen = {sensor: name for sensor, name in self._own.items() if name in self._tape.columns}
        chosen |= dict(self._parsed(text) for text in given)
        for name in chosen.values():
            self._tape.need(name)
        if self._air.id not in chosen:
            chosen[self._air.id] = self._temperature(set(chosen.values()))
        return chosen

    def _parsed(self, text: str) -> tuple[str, str]:
        sensor, equals, name = text.partition("=")
        if not equals:
            return self._air.id, text
        if sensor not in {one.id for one in self._mine}:
            ids = listed(one.id for one in self._mine)
            raise ConfigError(f"--column {text}: the cabinet has no sensor {sensor!r}; it has {ids}")
        return sensor, name

    def _temperature(self, taken: set[str]) -> str:
        """The only column that nobody has yet, or the only one of them that is called a temperature."""
        others = [name for name in self._tape.columns if name not in taken]
        named = [name for name in others if any(word in name.lower() for word in _TEMPERATURE)]
        for found in (others, named):
            if len(found) == 1:
                return found[0]
        names = listed(others) or "none"
        raise self._tape.error(f"say which column is {self._air.id} by --column NAME; there are: {names}")


class _Tape:
    """The file while it is read."""

    def __init__(self, path: Path, time_column: str):
        self._path, self._recording = path, Recording(path, time_column, loop=False)
        self._empty: dict[str, str] = {}
        try:
            self._recording.open([])
        except SensorError as error:
            if error.code == "no_such_column":
                raise self._lacks(time_column) from error
            raise self._unusable(error) from error
        self.columns = [name for name in self._recording.header if name != time_column]

    def need(self, column: str) -> None:
        if column not in self.columns:
            raise self._lacks(column)

    def rows(self, columns: dict[str, str]) -> Iterator[Row]:
        """Those that can be used. `columns`: of each sensor."""
        self._empty = dict(columns)
        try:
            places = list(zip(columns, self._recording.open(list(columns.values())), strict=True))
            while due := list(self._recording.until(math.inf)):
                for steady_s, (at, cells) in due:
                    yield Row(at, steady_s, {sensor: self._value(sensor, cells, place) for sensor, place in places})
        except SensorError as error:
            raise self._unusable(error) from error

    def _value(self, sensor: str, cells: list[str], place: int) -> float | None:
        value, _ = number(cells, place)
        if value is not None and self._empty:
            self._empty.pop(sensor, None)
        return value

    def checked(self, verdict: Verdict | None) -> Verdict:
        """Raises ConfigError for a file that was not worth judging."""
        if verdict is None:
            raise self.error("; ".join(["holds no row that can be read", *self.notes()]))
        if self._recording.backwards.count > verdict.rows:
            raise self.error("; ".join(["runs backwards: sort it by time, the oldest row first", *self.notes()]))
        for sensor, column in self._empty.items():
            raise self.error(f"column {column!r}, which is {sensor}, holds not one number")
        return verdict

    @property
    def skipped(self) -> int:
        return self._recording.unreadable.count + self._recording.backwards.count

    def notes(self) -> Iterator[str]:
        for skipped, why in (
            (self._recording.unreadable, "whose time can't be read (ISO 8601, UTC)"),
            (self._recording.backwards, "that go back in time"),
        ):
            if skipped.count:
                yield f"skipped {skipped.count} rows {why}, the first in line {skipped.first_line}"

    def error(self, problem: str) -> ConfigError:
        return ConfigError(problem, path=self._path)

    def _lacks(self, column: str) -> ConfigError:
        return self.error(f"has no column {column!r}; it has {listed(self._recording.header) or 'none'}")

    def _unusable(self, error: SensorError) -> ConfigError:
        return self.error(_PROBLEMS.get(error.code, error.code))

    def close(self) -> None:
        self._recording.close()
