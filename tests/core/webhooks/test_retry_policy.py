"""The retry maths: every step of the schedule, and every way to give up."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Retry
from core.webhooks.deliveries import DeadLetterReason, Delivery, ErrorClass, Failed
from core.webhooks.retry_policy import RETRY_AFTER_CAP_S, GiveUp, RetryIn, after_failure, backoff_s
from tests.core.webhooks.factories import DOWN, a_delivery

HOUR_S = 3600.0
DEFAULTS = Retry()
PATIENT = Retry(max_attempts=10**9, max_age_h=87_600)


class Chance(Random):
    """A die that always shows the same: 0 the lowest, 1 the highest."""

    def __init__(self, share: float):
        super().__init__(0)
        self.share = share

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.share


def a_refusal(status: int = 404) -> Failed:
    error_class = ErrorClass.RATE_LIMITED if status == 429 else ErrorClass.HTTP_4XX
    return Failed(error_class=error_class, error=str(status), http_status=status)


def tried(attempts: int, *, age_s: float = 0.0, refused_since_s: float | None = None) -> Delivery:
    return a_delivery(auto_attempts=attempts, age_s=age_s, refused_since_age_s=refused_since_s)


def busy(retry_after_s: float) -> Failed:
    return Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503, retry_after_s=retry_after_s)


def wait_after(failure: Failed, delivery: Delivery, share: float = 0.0) -> float:
    verdict = after_failure(delivery, failure, PATIENT, Chance(share))
    assert isinstance(verdict, RetryIn)
    return verdict.delay_s


SCHEDULE = [
    *[(1, 10.0), (2, 20.0), (3, 40.0), (4, 80.0), (5, 160.0), (6, 320.0), (7, 640.0), (8, 900.0), (9, 900.0)],
    *[(10, 900.0), (1025, 900.0), (10**6, 900.0)],
]


@pytest.mark.parametrize(("counted", "d"), SCHEDULE)
def test_the_schedule_doubles_from_ten_seconds_to_fifteen_minutes(counted: int, d: float) -> None:
    """The wait lies between half of d and d, at every step, however many there were."""
    assert backoff_s(counted, DEFAULTS, Chance(0.0)) == d / 2
    assert backoff_s(counted, DEFAULTS, Chance(1.0)) == d


@given(
    counted=st.integers(0, 10**9),
    retry_after_s=st.none() | st.floats(allow_nan=False),
    seed=st.integers(0, 2**32),
    first_s=st.floats(0.01, 31_536_000),
    cap_s=st.floats(0.01, 31_536_000),
)
def test_no_wait_is_ever_beyond_the_cap_or_below_half_a_step(
    counted: int, retry_after_s: float | None, seed: int, first_s: float, cap_s: float
) -> None:
    """Whatever the receiver asks for and the die shows."""
    policy = Retry(first_delay_s=first_s, max_delay_s=cap_s, max_attempts=10**10)
    failure = Failed(error_class=ErrorClass.HTTP_5XX, error="503", http_status=503, retry_after_s=retry_after_s)
    verdict = after_failure(tried(counted), failure, policy, Random(seed))
    assert isinstance(verdict, RetryIn)
    d = min(cap_s, first_s * 2.0 ** min(max(counted, 1) - 1, 40))
    assert d / 2 <= verdict.delay_s <= max(cap_s, RETRY_AFTER_CAP_S)


def test_jitter_spreads_the_waits() -> None:
    """A hundred boxes that lose their receiver at once don't all come back at once."""
    assert len({round(backoff_s(8, DEFAULTS, Random(seed))) for seed in range(100)}) > 50


def test_the_last_counted_attempt_ends_it() -> None:
    """max_attempts counted attempts, and not one fewer."""
    policy = Retry(max_attempts=3)
    assert isinstance(after_failure(tried(2), DOWN, policy, Random(1)), RetryIn)
    assert after_failure(tried(3), DOWN, policy, Random(1)) == GiveUp(DeadLetterReason.MAX_ATTEMPTS)


def test_age_ends_it_at_the_cut_off() -> None:
    """72 hours of waiting by default, and not a second less."""
    assert isinstance(after_failure(tried(9, age_s=72 * HOUR_S - 1), DOWN, DEFAULTS, Random(1)), RetryIn)
    assert after_failure(tried(9, age_s=72 * HOUR_S), DOWN, DEFAULTS, Random(1)) == GiveUp(DeadLetterReason.MAX_AGE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 451, 499])
def test_a_refused_request_is_given_up_after_five_attempts_over_an_hour(status: int) -> None:
    """Someone may mend the configuration at the other end, but not for ever."""
    delivery = tried(5, age_s=HOUR_S, refused_since_s=0.0)
    assert after_failure(delivery, a_refusal(status), DEFAULTS, Random(1)) == GiveUp(DeadLetterReason.PERMANENT)


@pytest.mark.parametrize(
    ("attempts", "age_s", "since_s"), [(4, 9 * HOUR_S, 0.0), (50, HOUR_S - 1, 0.0), (50, 9 * HOUR_S, 8 * HOUR_S + 1)]
)
def test_a_refused_request_is_kept_before_that(attempts: int, age_s: float, since_s: float) -> None:
    """Neither many attempts in a short time nor a few over a long time are enough."""
    delivery = tried(attempts, age_s=age_s, refused_since_s=since_s)
    assert isinstance(after_failure(delivery, a_refusal(), DEFAULTS, Random(1)), RetryIn)


@pytest.mark.parametrize("status", [408, 410, 425, 429])
def test_a_passing_4xx_is_never_permanent(status: int) -> None:
    """Timeout, too early and too many requests say nothing about the request itself."""
    delivery = tried(400, age_s=71 * HOUR_S, refused_since_s=0.0)
    assert isinstance(after_failure(delivery, a_refusal(status), DEFAULTS, Random(1)), RetryIn)


@pytest.mark.parametrize("failure", [DOWN, busy(0.0)])
def test_what_is_no_refusal_is_never_permanent(failure: Failed) -> None:
    """A dead line or an overloaded receiver may come back any day."""
    assert isinstance(
        after_failure(tried(400, age_s=71 * HOUR_S, refused_since_s=0.0), failure, DEFAULTS, Random(1)), RetryIn
    )


@pytest.mark.parametrize(
    ("asked_s", "wait_s"),
    [(0.0, 5.0), (-30.0, 5.0), (4.0, 5.0), (120.0, 120.0), (3600.0, 3600.0), (3601.0, 3600.0), (1e20, 3600.0)],
)
def test_retry_after_is_a_floor_of_at_most_an_hour(asked_s: float, wait_s: float) -> None:
    """Never earlier than asked, never later than an hour, never shorter than the own schedule."""
    assert wait_after(busy(asked_s), tried(1)) == wait_s


def test_retry_after_does_not_shorten_a_longer_wait() -> None:
    """It is a floor, not the wait."""
    assert wait_after(busy(60.0), tried(8), share=1.0) == 900.0


@pytest.mark.parametrize("age_s", [0.0, 10.0**9])
@pytest.mark.parametrize("refused_since_s", [None, 0.0])
def test_what_is_the_boxs_own_fault_gives_up_nothing(age_s: float, refused_since_s: float | None) -> None:
    """However often, however old."""
    delivery = tried(500, age_s=age_s, refused_since_s=refused_since_s)
    assert after_failure(delivery, DOWN, DEFAULTS, Chance(1.0), ours=True) == RetryIn(900.0)
