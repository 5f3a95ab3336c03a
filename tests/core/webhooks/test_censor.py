"""What a receiver repeats of a request stands nowhere: not in the excerpt, not in the error, however it writes it."""

import asyncio
import html
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Endpoint, Secret
from core.webhooks.censor import Censor
from core.webhooks.deliveries import Failed
from tests.core.webhooks.factories import OLD_SECRET, SECRET, a_station, an_endpoint, an_event, sent
from tests.receivers import a_receiver, answers

URL = "https://box:url-SECRET@hq.example:8443/hooks/path%2FSECRET1/in?access_token=tok%20SECRET2&n=7"
SECRETS = ["url-SECRET", "path/SECRET1", "path%2FSECRET1", "tok SECRET2", "tok%20SECRET2", "hdr SECRET3", "prx-SECRET4"]
SECRETS += ["Bearer auth-SECRET5", "auth-SECRET5"]


def an_open_book() -> Endpoint:
    return an_endpoint(
        URL,
        secret=Secret(SECRET),
        secret_previous=Secret(OLD_SECRET),
        headers={"X-Key": Secret("hdr SECRET3"), "Authorization": Secret("Bearer auth-SECRET5")},
        proxy=Secret("http://me:prx-SECRET4@proxy.example:3128"),
    )


@pytest.mark.parametrize("secret", [*SECRETS, SECRET[6:], OLD_SECRET[6:], "Ym94OnVybC1TRUNSRVQ="])
@pytest.mark.parametrize(
    "written",
    [
        str,
        quote,
        lambda one: quote(one, safe=""),
        json.dumps,
        html.escape,
        str.upper,
        lambda one: one.replace("/", "\\/"),
    ],
    ids=["plain", "url", "url component", "json", "html", "upper case", "escaped slash"],
)
def test_no_form_of_a_secret_is_left(secret: str, written: object) -> None:
    assert callable(written)
    text = f'<pre>you sent "{written(secret)}" to us</pre>'
    left = Censor(an_open_book()).text(text)
    assert (len(left), "SECRET" in left.upper(), secret in left) == (len(text), False, False)


def test_what_is_no_secret_stays() -> None:
    """Host and port may be shown; words of every day are none."""
    text = "hq.example:8443 says: 503 Busy, come in 7 minutes; hooks are down"
    assert Censor(an_open_book()).text(text) == text


def test_an_endpoint_without_secrets_changes_nothing() -> None:
    assert Censor(an_endpoint("http://hq.example/")).text("anything / at all") == "anything / at all"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_stands_around_it(before: bytes, after: bytes) -> None:
    said = Censor(an_open_book()).bytes(before + b"hdr SECRET3" + after)
    assert b"hdr SECRET3" not in said
    assert len(said) == len(before) + 11 + len(after)


async def echo(writer: asyncio.StreamWriter) -> None:
    """A debug page with all that came in, and a reason as talkative."""
    told = b"/hook?access_token=tok-SECRET authorization: Bearer hdr-SECRET " * 30
    writer.write(b"HTTP/1.1 500 no access_token=tok-SECRET\r\ncontent-length: %d\r\n\r\n" % len(told) + told)
    await writer.drain()


@pytest.mark.anyio
async def test_a_receiver_that_repeats_the_request_gives_nothing_away() -> None:
    """Nor does the cut after a thousand bytes leave half of a secret."""
    async with a_receiver(echo) as receiver:
        outcome = await sent(receiver.url, headers={"Authorization": Secret("Bearer hdr-SECRET")})
    assert isinstance(outcome, Failed)
    assert outcome.excerpt.startswith("*")
    assert "SEC" not in outcome.excerpt + outcome.error


@pytest.mark.anyio
async def test_nor_does_it_reach_the_journal(tmp_path: Path) -> None:
    async with a_receiver(echo) as receiver, a_station(tmp_path, an_endpoint(receiver.url)) as station:
        await station.dispatcher.publish(an_event())
        entry = await station.attempted(an_event())
        await station.queue.settled(entry.n)
        receiver.behaviour = answers()
    assert "tok-SECRET" not in (tmp_path / "retries.jsonl").read_text()
