"""The manage API's answers about many deliveries at once, for whoever shows a few rows of very many; conventions as in wire.py.
Values only.
"""

from typing import Literal

from core.wire import Answer, Moment, RetryItem

Order = Literal["next", "created", "changed"]


class RetryWindow(Answer, frozen=True, kw_only=True):
    """Some deliveries out of the whole list as it stands at this moment: `items` are those from place `offset` on (counted from
    0) of the `total` that fit the question; `all` is how many have the asked-for states, whatever else was asked.

    `anchor` is the place in the whole list of the delivery that was to be in sight, null where it isn't among those that
    fit. `sending` as in the list of retries.
    """

    items: tuple[RetryItem, ...]
    offset: int
    total: int
    all: int
    anchor: int | None
    epoch: str
    seq: int
    sending: tuple[str, ...]
    server_time: Moment


class RetryIds(Answer, frozen=True, kw_only=True):
    """The ids of all deliveries that fit, in the order asked for, at most the first 10,000 of `total`."""

    delivery_ids: tuple[str, ...]
    total: int


class RetryGroup(Answer, frozen=True, kw_only=True):
    """Dead letters of one endpoint that were given up for one reason; `newest_at` is when the last of them was."""

    endpoint: str
    reason: str | None
    count: int
    newest_at: Moment | None


class RetryGroups(Answer, frozen=True, kw_only=True):
    """Every group there is, the largest first."""

    items: tuple[RetryGroup, ...]
