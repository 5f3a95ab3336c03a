"""What becomes of a core that this console started and that ends: started again, later and later, unless it ended by intent."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from cdg_tui.worker import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, STEADY_RUN_S, Worker
from core.errors import EXIT_HELD

KILLED = "kill -9 $$"


class Line(Worker):
    """A real process, which runs a line of shell instead of a core; `starts` says when."""

    def __init__(self, line: str, *, leashed: bool = False):
        self.line, self.starts, self.none_to_be_had = line, list[float](), False
        super().__init__("", (), leashed=leashed)

    def start(self, now_s: float) -> None:
        if self.none_to_be_had:
            raise BlockingIOError("no process to be had")
        self._command = ["/bin/sh", "-c", self.line]
        super().start(now_s)
        self.starts.append(now_s)

    def wait(self) -> None:
        self._process.wait(20)

    def close(self) -> None:
        self.stop()
        self._said.close()


@contextlib.contextmanager
def a_worker(line: str, *, leashed: bool = False) -> Iterator[Line]:
    """One whose first process ended already, unless its line takes long."""
    worker = Line(line, leashed=leashed)
    if "sleep" not in line:
        worker.wait()
    try:
        yield worker
    finally:
        worker.close()


def rest_s(worker: Line, ended_s: float) -> float:
    """Its end is noticed at `ended_s`: how long from then to the next start, to a tenth of a second; it has ended again then."""
    assert worker.keep(ended_s)
    starts = len(worker.starts)
    tenths = 0
    while len(worker.starts) == starts:
        tenths += 1
        assert not worker.keep(ended_s + tenths / 10)
    worker.wait()
    return tenths / 10


@pytest.mark.parametrize("line", ["exit 1", "exit 2", KILLED])
def test_a_core_that_failed_or_was_killed_starts_again_after_a_while(line: str) -> None:
    with a_worker(line) as worker:
        assert rest_s(worker, 1000.0) == FIRST_BACKOFF_S
        assert worker.starts == [0.0, 1000.0 + FIRST_BACKOFF_S]


def test_the_while_doubles_each_time_up_to_a_limit() -> None:
    with a_worker("exit 1") as worker:
        rests = [rest_s(worker, worker.starts[-1] + 1.0) for _ in range(7)]
        assert rests == [3.0, 6.0, 12.0, 24.0, 48.0, LONGEST_BACKOFF_S, LONGEST_BACKOFF_S]


@pytest.mark.parametrize(("ran_s", "rest"), [(STEADY_RUN_S, 4 * FIRST_BACKOFF_S), (STEADY_RUN_S + 1, FIRST_BACKOFF_S)])
def test_a_core_that_ran_steadily_begins_with_the_short_while_again(ran_s: float, rest: float) -> None:
    with a_worker("exit 1") as worker:
        for _ in range(2):
            rest_s(worker, worker.starts[-1] + 1.0)
        assert rest_s(worker, worker.starts[-1] + ran_s) == rest


@pytest.mark.parametrize("code", [0, EXIT_HELD])
def test_a_core_that_somebody_stopped_or_that_another_one_preceded_is_left_alone(code: int) -> None:
    with a_worker(f"exit {code}") as worker:
        assert [worker.keep(1000.0 + second) for second in range(100)] == [False] * 100
        assert (worker.starts, worker.ended) == ([0.0], code)


def test_a_demo_that_failed_is_left_alone() -> None:
    with a_worker("exit 1", leashed=True) as worker:
        assert [worker.keep(1000.0 + second) for second in range(100)] == [False] * 100
        assert worker.starts == [0.0]


def test_a_core_that_runs_is_left_alone_and_ends_when_it_is_stopped() -> None:
    with a_worker("exec sleep 600") as worker:
        assert [worker.keep(1000.0 + second) for second in range(100)] == [False] * 100
        worker.stop()
        assert (worker.starts, worker.ended) == ([0.0], -signal.SIGTERM)


def test_where_no_process_can_be_had_that_is_noticed_and_tried_again_later() -> None:
    with a_worker("exit 1") as worker:
        worker.none_to_be_had = True
        assert worker.keep(10.0)
        assert worker.keep(13.0)
        worker.none_to_be_had = False
        assert not worker.keep(18.9)
        assert worker.starts == [0.0]
        assert not worker.keep(19.0)
        assert worker.starts == [0.0, 19.0]


@pytest.mark.parametrize(("line", "said"), [
    ("echo first >&2; echo 'the last' >&2; echo >&2; exit 2", "the last"),
    ("echo this is no standard error; exit 2", "ended with 2"),
    ("printf '\\377' >&2; exit 2", "\ufffd"),
])  # fmt: skip
def test_its_last_words_are_the_last_line_of_its_standard_error(line: str, said: str) -> None:
    with a_worker(line) as worker:
        assert worker.last_words == said
