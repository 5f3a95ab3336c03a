"""What Prometheus reads: the figures, and that a reader of its text format understands them."""

import re
from pathlib import Path

import pytest

from core.manage_api import retry_views
from core.manage_api.exposition import Family, text
from core.manage_api.metrics import delivering
from core.settings import Retry
from core.webhooks.deliveries import Status
from tests.core.manage_api.retry_shop import RetryShop, a_retry_shop
from tests.core.manage_api.whole_shop import WholeShop, a_whole_shop
from tests.core.webhooks.factories import an_endpoint, an_event
from tests.receivers import a_receiver, answers

pytestmark = pytest.mark.anyio

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_MEANT = {r"\n": "\n", r"\"": '"', r"\\": "\\"}


def read(page: str) -> Samples:
    """As the format 0.0.4 has it; a sample without HELP and TYPE before it, or given twice, is a mistake."""
    assert page.endswith("\n")
    told: dict[str, set[str]] = {"HELP": set(), "TYPE": set()}
    found: Samples = {}
    for line in page.split("\n")[:-1]:
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert rest in {"counter", "gauge"} if word == "TYPE" else rest
            assert name not in told[word]
            told[word].add(name)
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample, line
        name, inner, value = sample.groups()
        assert name in told["HELP"] & told["TYPE"], line
        key = name, frozenset(_labels(inner or ""))
        assert key not in found
        found[key] = float(value)
    return found


def _labels(inner: str) -> list[tuple[str, str]]:
    labels = list(_LABEL.finditer(inner))
    assert "".join(label[0] for label in labels) == inner
    return [(label[1], re.sub(r"\\.", lambda piece: _MEANT[piece[0]], label[2])) for label in labels]


def values(found: Samples, name: str) -> dict[str, float]:
    """Of one metric, by the values of its labels."""
    return {
        " ".join(value for _, value in sorted(labels)): number
        for (metric, labels), number in found.items()
        if metric == name
    }


def of_deliveries(shop: RetryShop) -> Samples:
    parts = shop.parts
    return read(text(delivering(parts, retry_views.retry_summary(parts), retry_views.network(parts))))


@pytest.mark.parametrize("value", ['say "hi"', "a\\b", "two\nlines", "冷柜 1", "a,b={}", "\\n", ""])
def test_a_label_says_what_it_was_given(value: str) -> None:
    page = text([Family("m", "gauge", "Meaning.", [({"a": value, "b": "2"}, 1.5)])])
    assert read(page) == {("m", frozenset({("a", value), ("b", "2")})): 1.5}


def test_a_metric_without_labels_has_no_braces() -> None:
    page = text([Family("m", "counter", "Meaning.", [({}, 7)]), Family("n", "gauge", "None.", [])])
    assert page == "# HELP m Meaning.\n# TYPE m counter\nm 7\n# HELP n None.\n# TYPE n gauge\n"


async def test_attempts_are_counted_and_what_waits_is_told(tmp_path: Path) -> None:
    """One is refused once, two go out, one is cancelled, one waits."""
    async with (
        a_receiver(answers("503 Busy")) as receiver,
        a_retry_shop(tmp_path, an_endpoint(receiver.url), sending=False) as shop,
    ):
        for number in range(4):
            await shop.station.dispatcher.publish(an_event(f"evt_{number}"))
        await shop.drain({"limit": 1})
        receiver.behaviour = answers()
        await shop.drain({"limit": 2})
        shop.station.queue.cancel(shop.station.entry(an_event("evt_2")).delivery.delivery_id, "li")
        found = of_deliveries(shop)
    assert values(found, "cdg_webhook_attempts_total") == {"hq http_5xx failed": 1, "hq  delivered": 2}
    assert values(found, "cdg_webhook_deliveries_total") == {"delivered": 2, "cancelled": 1, "archived": 0}
    depth = {"pending": 1, "due": 1, "in_flight": 0, "dead_letter": 0}
    assert values(found, "cdg_webhook_queue_depth") == depth
    assert 0 < values(found, "cdg_webhook_oldest_pending_age_seconds")[""] < 60
    assert values(found, "cdg_webhook_dead_letters") == {"": 0}
    assert values(found, "cdg_webhook_breaker_open") == {"hq": 0}


async def test_an_empty_box_has_figures_too(tmp_path: Path) -> None:
    """Zeros, and no word of a network that nobody has tried."""
    async with a_retry_shop(tmp_path, an_endpoint("http://127.0.0.1:9/")) as shop:
        found = of_deliveries(shop)
    assert values(found, "cdg_webhook_attempts_total") == {}
    assert values(found, "cdg_webhook_oldest_pending_age_seconds") == {"": 0}
    assert values(found, "cdg_network_online") == {}


async def test_dead_letters_are_told(tmp_path: Path) -> None:
    """As a part of the queue, and as such."""
    once = Retry(max_attempts=1)
    async with (
        a_receiver(answers("503 Busy")) as receiver,
        a_retry_shop(tmp_path, an_endpoint(receiver.url), retry=once) as shop,
    ):
        await shop.station.dispatcher.publish(an_event())
        await shop.station.settled(an_event(), Status.DEAD_LETTER)
        found = of_deliveries(shop)
    assert values(found, "cdg_webhook_queue_depth")["dead_letter"] == 1
    assert values(found, "cdg_webhook_dead_letters") == {"": 1}


async def test_what_is_watched_is_told(tmp_path: Path) -> None:
    """Values only while they are good and fresh; cases by severity, sources, problems, the disk."""
    async with a_whole_shop(tmp_path) as shop:
        shop.measure(12.0, "01.air")
        shop.measure(-5.5, "02.air")
        await shop.parts.dispatcher.reception.pause("hq", "li", "moving")
        found = await scraped(shop)
        assert values(found, "cdg_sensor_value") == {"01 temperature 01.air": 12.0, "02 temperature 02.air": -5.5}
        assert values(found, "cdg_sensor_good") == {"01 01.air": 1, "02 02.air": 1}
        assert values(found, "cdg_cabinet_info") == {"01 鲜奶柜 1": 1, "02 鲜奶柜 2": 1}
        assert values(found, "cdg_cases_open") == {"critical": 2, "warning": 0, "info": 0}
        assert values(found, "cdg_cases_active") == {"critical": 2, "warning": 0, "info": 0}
        assert values(found, "cdg_problem") == {"endpoint_paused": 1}
        assert values(found, "cdg_problems") == {"": 1}
        assert values(found, "cdg_source_ok") == {}
        assert values(found, "cdg_journal_durable") == {"cases": 1, "retries": 1}
        assert values(found, "cdg_journal_degraded") == {"cases": 0, "retries": 0}
        assert values(found, "cdg_device_info") == {"box SH-0412": 1}
        shop.measure(5.0, "01.air")
        shop.measure(None, "02.air")
        found = await scraped(shop)
        assert values(found, "cdg_cases_active")["critical"] == 1
        assert values(found, "cdg_sensor_value") == {"01 temperature 01.air": 5.0}
        assert values(found, "cdg_sensor_good") == {"01 01.air": 1, "02 02.air": 0}
        shop.clock.advance(3600.0)
        assert values(await scraped(shop), "cdg_sensor_value") == {}


async def test_a_source_that_fails_and_a_clock_that_is_wrong_are_told(tmp_path: Path) -> None:
    async with a_whole_shop(tmp_path) as shop:
        [line] = shop.parts.monitor.lines
        shop.clock.in_sync, line.worked_s = False, shop.clock.steady()
        found = await scraped(shop)
        assert (values(found, "cdg_source_ok"), values(found, "cdg_clock_synchronised")) == ({"sim": 1}, {"": 0})
        line.error = "timeout"
        assert values(await scraped(shop), "cdg_source_ok") == {"sim": 0}


async def scraped(shop: WholeShop) -> Samples:
    page = await shop.client.get("/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(page.text)
