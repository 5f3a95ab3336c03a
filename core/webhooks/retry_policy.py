"""What follows a failed attempt: another one, and when, or none, and why. Pure: time and chance are arguments.

    d = min(max_delay_s, first_delay_s * 2^(n-1)),  wait = d/2 + uniform(0, d/2)      ("equal jitter")

n is the number of counted attempts so far; the exponent is clamped before it is raised. `Retry-After` is a floor under
the wait, itself at most RETRY_AFTER_CAP_S.
"""

from random import Random
from typing import Final

from msgspec import Struct

from core.settings import Retry
from core.webhooks.deliveries import Attempt, DeadLetterReason, Delivery, ErrorClass, Failed

RETRY_AFTER_CAP_S: Final = 3600.0
HIGHEST_EXPONENT: Final = 40  # 2^40 times any delay is beyond any cap, and far from overflowing a float

# A 4xx other than these says that the request itself is refused; someone may still mend the configuration at the other
# end, so it is given up only after several tries, and a while of nothing but refusals.
TRANSIENT_4XX: Final = frozenset({408, 410, 425, 429})  # 410 speaks of the endpoint: its deliveries are kept
PERMANENT_ATTEMPTS: Final = 5
PERMANENT_SPREAD_S: Final = 3600.0


class RetryIn(Struct, frozen=True):
    """Try again after this many seconds."""

    delay_s: float


class GiveUp(Struct, frozen=True):
    """Dead letter, and why."""

    reason: DeadLetterReason


def backoff_s(counted: int, policy: Retry, rng: Random) -> float:
    """The wait after the `counted`-th counted attempt."""
    exponent = min(max(counted, 1) - 1, HIGHEST_EXPONENT)
    d = min(policy.max_delay_s, policy.first_delay_s * 2.0**exponent)
    return d / 2 + rng.uniform(0, d / 2)


def after_failure(
    delivery: Delivery, failure: Failed, policy: Retry, rng: Random, *, ours: bool = False
) -> RetryIn | GiveUp:
    """`delivery` already counts the failed attempt in `auto_attempts`, unless it was a probe, and its waiting in `age_s`.
    What is `ours`, the box's own network, never gives up a delivery.
    """
    if ours:
        return RetryIn(backoff_s(delivery.auto_attempts, policy, rng))
    if delivery.auto_attempts >= policy.max_attempts:
        return GiveUp(DeadLetterReason.MAX_ATTEMPTS)
    if delivery.age_s >= policy.max_age_h * 3600:
        return GiveUp(DeadLetterReason.MAX_AGE)
    if refused(failure) and _long_enough(delivery):
        return GiveUp(DeadLetterReason.PERMANENT)
    floor = min(max(failure.retry_after_s or 0.0, 0.0), RETRY_AFTER_CAP_S)
    return RetryIn(max(backoff_s(delivery.auto_attempts, policy, rng), floor))


def refused(failure: Attempt | Failed) -> bool:
    """Whether the receiver says that this very request is wrong."""
    return failure.error_class is ErrorClass.HTTP_4XX and failure.http_status not in TRANSIENT_4XX


def _long_enough(delivery: Delivery) -> bool:
    since = delivery.refused_since_age_s
    spread = 0.0 if since is None else delivery.age_s - since
    return delivery.auto_attempts >= PERMANENT_ATTEMPTS and spread >= PERMANENT_SPREAD_S
