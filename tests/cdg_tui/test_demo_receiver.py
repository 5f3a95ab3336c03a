"""The demo's headquarters fails by a plan, so that whoever looks on sees deliveries fail, wait and get through."""

import pytest

from cdg_tui.demo.receiver import CYCLE_S, DOWN_FROM_S, DOWN_TO_S, verdict

BLINK_S = 0.01


@pytest.mark.parametrize(
    ("elapsed_s", "status"),
    [
        (0.0, 204),
        (DOWN_FROM_S - BLINK_S, 204),
        (DOWN_FROM_S, 503),
        (DOWN_TO_S - BLINK_S, 503),
        (DOWN_TO_S, 204),
        (CYCLE_S, 204),
        (CYCLE_S + DOWN_FROM_S, 503),
        (CYCLE_S + DOWN_TO_S, 204),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_headquarters_is_down_for_a_while_in_every_cycle(elapsed_s: float, number: int, status: int) -> None:
    answered, body = verdict(elapsed_s, "/hq", number)
    assert (answered, b"maintenance" in body) == (status, status == 503)


@pytest.mark.parametrize(("number", "status"), [(1, 204), (2, 204), (3, 429), (4, 204), (5, 204), (6, 429)])
@pytest.mark.parametrize("elapsed_s", [0.0, DOWN_FROM_S])
def test_the_region_refuses_every_third_request_whatever_the_time(elapsed_s: float, number: int, status: int) -> None:
    answered, body = verdict(elapsed_s, "/region", number)
    assert (answered, b"overloaded" in body) == (status, status == 429)
