"""What kinds of endpoint there are: what is sent to one, and how its answer is read. Pure.

A kind knows neither connections nor clocks; the sender asks it once for each attempt.
"""

from typing import Final, Protocol

from core.settings import Endpoint
from core.webhooks import signing, verdicts
from core.webhooks.deliveries import Delivery, Outcome
from core.webhooks.verdicts import Answer

LATE_S: Final = 1.0  # from here on a receiver is told


class Kind(Protocol):
    """One endpoint in the terms of its kind."""

    def body(self, delivery: Delivery) -> bytes:
        """The bytes to send, a JSON document."""

    def headers(self, delivery: Delivery, body: bytes, number: int, stamp: int, delayed_s: float) -> dict[str, str]:
        """What this attempt has besides the headers of every request; names in lower case. `stamp` is the receiver's
        time in whole seconds since 1970, `delayed_s` how long ago this delivery could first have gone out.
        """

    def verdict(self, answer: Answer) -> Outcome:
        """Whether the receiver has it."""


class Standard:
    """Standard Webhooks, and in `x-cdg-attempt` and `x-cdg-delayed` that an alarm is an old one."""

    def __init__(self, endpoint: Endpoint):
        self._secrets = [one for one in (endpoint.secret, endpoint.secret_previous) if one is not None]

    def body(self, delivery: Delivery) -> bytes:
        return bytes(delivery.body)

    def headers(self, delivery: Delivery, body: bytes, number: int, stamp: int, delayed_s: float) -> dict[str, str]:
        found = signing.headers(self._secrets, delivery.event_id, stamp, body)
        found["x-cdg-attempt"] = str(number)
        if delayed_s >= LATE_S:
            found["x-cdg-delayed"] = str(int(delayed_s))
        return found

    def verdict(self, answer: Answer) -> Outcome:
        return verdicts.verdict(answer)
