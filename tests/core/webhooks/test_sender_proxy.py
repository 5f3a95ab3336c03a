"""Through a proxy: plain http by whole URLs, https by a tunnel."""

from pathlib import Path

import pytest

from core.settings import Secret
from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Reach
from tests.core.webhooks.certificates import Authority
from tests.core.webhooks.dead_ends import a_closed_port
from tests.core.webhooks.factories import BODY, a_delivery, a_sender, sent
from tests.core.webhooks.proxies import a_proxy
from tests.receivers import a_receiver, answers, silence

pytestmark = pytest.mark.anyio


async def test_plain_http_goes_to_the_proxy_with_its_whole_url() -> None:
    """And arrives as it was."""
    async with a_proxy() as proxy, a_receiver() as receiver:
        assert await sent(receiver.url, proxy=Secret(proxy.url)) == Delivered(http_status=200)
        assert proxy.asked == [f"POST {receiver.url} HTTP/1.1"]
        assert (receiver.received[0].body, receiver.received[0].header("webhook-id")) == (BODY, "evt_1")


async def test_https_goes_through_a_tunnel(tmp_path: Path) -> None:
    """The proxy sees nothing of it, and the receiver's certificate is checked as without one."""
    authority = Authority(tmp_path)
    async with a_proxy() as proxy, a_receiver(tls=authority.issue("good").server()) as receiver:
        assert await sent(receiver.url, proxy=Secret(proxy.url), ca_file=authority.file) == Delivered(http_status=200)
        assert proxy.asked == [f"CONNECT 127.0.0.1:{receiver.port} HTTP/1.1"]
        refused = await sent(receiver.url, proxy=Secret(proxy.url))
    assert isinstance(refused, Failed)
    assert (refused.error_class, len(receiver.received)) == (ErrorClass.TLS, 1)


async def test_connections_through_the_proxy_are_kept() -> None:
    """One for both."""
    async with (
        a_proxy() as proxy,
        a_receiver() as receiver,
        a_sender(receiver.url, proxy=Secret(proxy.url)) as sender,
    ):
        for number in (1, 2):
            assert await sender.send(a_delivery(), number) == Delivered(http_status=200)
    assert receiver.connections == 1


async def test_a_proxy_that_does_not_let_us_in_is_a_failure(tmp_path: Path) -> None:
    """With its status, or with a word where there was to be a tunnel."""
    authority = Authority(tmp_path)
    async with (
        a_proxy() as proxy,
        a_receiver() as plain,
        a_receiver(tls=authority.issue("good").server()) as secure,
    ):
        stranger = Secret(f"http://127.0.0.1:{proxy.port}")
        first, second = await sent(plain.url, proxy=stranger), await sent(secure.url, proxy=stranger)
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (first.http_status, first.error_class) == (407, ErrorClass.HTTP_4XX)
    assert (second.error_class, second.error) == (ErrorClass.CONNECT, "the proxy refused")


async def test_a_proxy_that_is_not_there_is_a_failed_connection() -> None:
    """Whatever the receiver does."""
    async with a_receiver() as receiver:
        outcome = await sent(receiver.url, proxy=Secret(f"http://127.0.0.1:{a_closed_port()}"))
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach, receiver.received) == (ErrorClass.CONNECT, Reach.UP, [])


async def test_a_receiver_behind_the_proxy_that_is_silent_ends_at_the_deadline() -> None:
    """Nothing is proved of either; the next attempt finds a working line."""
    async with (
        a_proxy() as proxy,
        a_receiver(silence) as receiver,
        a_sender(receiver.url, proxy=Secret(proxy.url), timeout_s=0.4, connections=1) as sender,
    ):
        outcome = await sender.send(a_delivery(), 1)
        receiver.behaviour = answers()
        assert await sender.send(a_delivery(), 2) == Delivered(http_status=200)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClass.TIMEOUT
