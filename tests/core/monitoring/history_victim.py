"""A history that is to be killed: `python -m tests.core.monitoring.history_victim DIR` records as fast as it can.

After each commit it says how many minutes are on disk; minute n of the sensor has the mean n / 100.
"""

import itertools
import sys
from datetime import timedelta
from pathlib import Path

from tests.core.monitoring.factories import START
from tests.core.monitoring.histories import a_history, a_reading
from tests.fakes import FakeClock


def live(directory: Path) -> None:
    history = a_history(directory, FakeClock())
    for minute in itertools.count():
        for second in (0, 20, 40):
            at_s = 60.0 * minute + second
            history.add(a_reading(minute % 3000 / 100, at=START + timedelta(seconds=at_s), steady_s=at_s))
        if minute % 10 == 0:
            history.commit()
            print(minute, flush=True)


if __name__ == "__main__":
    live(Path(sys.argv[1]))
