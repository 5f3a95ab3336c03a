"""What the console costs: its first frame beside that of a bare Textual app, and a second in which little happens."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.backlogged import CABINETS, a_backlog
from tests.benchmarks.failing import hanging
from tests.benchmarks.idling import a_shop, cpu_s, rss_mb
from tests.benchmarks.terminals import OnPty, bare, console
from tests.e2e.conftest import Core

ROUNDS: Final = 7
MOST_TIMES_BARE: Final = 2.0
RETRIES: Final = 200
RETRIED_AFTER_S: Final = 5.0
MOST_TIMES_THE_MEMORY: Final = 2.0
WATCHED_S: Final = 8.0
PAGES: Final = {"overview": (b"1", b"Home 1/"), "retries": (b"3", b"Retries 1/"), "wallboard": (b"w", b"any key")}
MOST_CPU_SHARE: Final = 0.02
MOST_BYTES_A_SECOND: Final = 3000


def first_frame_s(text: bytes, home: Path, *command: str) -> float:
    with OnPty(*command, home=home) as running:
        return running.first_s(text)


@pytest.mark.requirement(21)
def test_the_first_frame_takes_at_most_twice_that_of_a_bare_app(core: Callable[..., Core], tmp_path: Path) -> None:
    """Whether the core answers, takes the call and says nothing, or isn't there. In turn, so that whatever else the machine does
    hits all; the median of each round's ratio.
    """
    well, hung, absent = (core(a_shop(CABINETS), name) for name in ("well", "hung", "absent"))
    well.start()
    hung.start()
    # A kiosk starts none itself.
    ours = {"answers": console(well), "hangs": console(hung), "is not there": (*console(absent), "--kiosk")}
    took_s: dict[str, list[float]] = {name: [] for name in ("bare", *ours)}
    with hanging(hung):
        for _ in range(ROUNDS):
            took_s["bare"].append(first_frame_s(b"first frame", tmp_path, *bare(tmp_path)))
            for name, command in ours.items():
                took_s[name].append(first_frame_s(b"Retries", tmp_path, *command))
    print(f"\nfirst frame: bare {statistics.median(took_s['bare']):.3f} s")
    for name in ours:
        times = statistics.median(one / beside for one, beside in zip(took_s[name], took_s["bare"], strict=True))
        print(f"a core that {name:14} {statistics.median(took_s[name]):.3f} s, {times:.2f} times")
        assert times < MOST_TIMES_BARE, name


@pytest.mark.requirement(19)
def test_an_idle_console_stays_quiet(core: Callable[..., Core], tmp_path: Path) -> None:
    """Every value changes once a second, 200 retries wait, and some are retried in vain; beside it an app with one line that
    changes as often.
    """
    box = a_backlog(core, RETRIES, wait_s=RETRIED_AFTER_S)
    with OnPty(*console(box), home=tmp_path) as ours, OnPty(*bare(tmp_path), home=tmp_path) as beside:
        ours.until(b"cn_chilled_2018")
        print(f"\n{'a second of':12} {'core':>7} {'bytes':>7} {'RSS':>9}   times the bare one's")
        for name, (key, shown) in PAGES.items():
            ours.key_s(key, shown)
            ours.listen(1.5)
            beside.listen(0.0)
            before_s = [cpu_s(one.process.pid) for one in (ours, beside)]
            written = [ours.listen(WATCHED_S) / WATCHED_S, beside.listen(0.0) / WATCHED_S]
            shares = [
                (cpu_s(one.process.pid) - before) / WATCHED_S
                for one, before in zip((ours, beside), before_s, strict=True)
            ]
            rss = [rss_mb(one.process.pid) for one in (ours, beside)]
            times = [mine / its if its else 0.0 for mine, its in (shares, written, rss)]
            print(
                f"{name:12} {shares[0]:7.2%} {written[0]:7.0f} {rss[0]:6.1f} MB   "
                f"{times[0]:.1f} {times[1]:.1f} {times[2]:.2f}"
            )
            assert shares[0] < MOST_CPU_SHARE
            assert written[0] < MOST_BYTES_A_SECOND
            assert times[2] < MOST_TIMES_THE_MEMORY
