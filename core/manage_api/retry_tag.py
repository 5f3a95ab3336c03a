"""The tag of an answer about many deliveries: who has the same one already is sent nothing."""

import hashlib
from collections.abc import Callable

import msgspec
from msgspec import Struct

from core.manage_api import retry_views, views
from core.manage_api.parts import Parts
from core.manage_api.retry_views import RetryOverview
from core.manage_api.table import Reply


class RetryConditions(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The headers that the list and its windows read."""

    if_none_match: str | None = None


def tagged(
    parts: Parts, query: Struct, conditions: RetryConditions, answer: Callable[[RetryOverview], Struct]
) -> Reply:
    """The answer with its tag, or 304 where the caller has it; then it isn't even made."""
    overview = retry_views.retry_overview(parts)
    tag = _tag(parts, query, overview)
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if conditions.if_none_match is not None and _names(conditions.if_none_match, tag):
        return Reply(status=304, content=None, headers=headers)
    return Reply(content=answer(overview), headers=headers)


def _tag(parts: Parts, query: Struct, overview: RetryOverview) -> str:
    """The same as long as nothing happened: weak, since ages, remaining times and `server_time` go on all the same.

    What happens without a change of the queue's number is added: a delivery falls due, moves up or sets out, a drain
    begins or ends, an endpoint's or the network's state turns, the clock becomes right.
    """
    queue, summary = parts.queue, overview.summary
    moves = queue.index.orders.moved.count
    states = [views.endpoint(parts, one.id).state for one in parts.loaded.settings.webhooks.endpoints]
    network, synced = retry_views.network(parts), parts.clock.synchronised()
    happened = query, summary.due, summary.drain_id, overview.sending, moves, states, network, synced
    return f'W/"{queue.epoch}-{queue.seq}-{hashlib.sha256(msgspec.json.encode(happened)).hexdigest()[:16]}"'


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the caller's list of tags has this one; `*` is any."""
    named = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return bool(named & {"*", tag.removeprefix("W/")})
