"""Signatures, checked by the reference library of Standard Webhooks."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from core.clock import SystemClock
from core.settings import Secret
from core.webhooks import signing
from tests.core.webhooks.factories import BODY, OLD_SECRET, SECRET


def stamp_now() -> int:
    return int(SystemClock().now().timestamp())  # the library refuses what is older than five minutes


def test_the_vector_of_the_specification_comes_out() -> None:
    """The example of Standard Webhooks, byte for byte."""
    found = signing.headers([Secret(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_library_accepts_the_headers() -> None:
    """A receiver built on the published package needs nothing of ours."""
    Webhook(SECRET).verify(BODY, signing.headers([Secret(SECRET)], "evt_1", stamp_now(), BODY))


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_either_secret_verifies_during_rotation(secret: str) -> None:
    """Headquarters may change over whenever it likes."""
    headers = signing.headers([Secret(SECRET), Secret(OLD_SECRET)], "evt_1", stamp_now(), BODY)
    Webhook(secret).verify(BODY, headers)


def test_another_body_does_not_verify() -> None:
    """The signature covers the body."""
    headers = signing.headers([Secret(SECRET)], "evt_1", stamp_now(), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", headers)


def test_a_secret_without_its_prefix_is_the_same_key() -> None:
    """`whsec_` is a label, not part of the key."""
    assert signing.key_of(Secret(SECRET)) == signing.key_of(Secret(SECRET.removeprefix("whsec_")))


def test_without_a_secret_nothing_is_signed() -> None:
    """The id and the time still go along."""
    assert signing.headers([], "evt_1", 1614265330, BODY) == {"webhook-id": "evt_1", "webhook-timestamp": "1614265330"}


@given(key=st.binary(min_size=24, max_size=64), body=st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_key_and_body_are_signed_as_the_library_signs_them(key: bytes, body: str) -> None:
    """Chinese cabinet names too: the signature is over the UTF-8 bytes."""
    secret, stamp = "whsec_" + base64.b64encode(key).decode(), stamp_now()
    expected = Webhook(secret).sign("evt_1", datetime.fromtimestamp(stamp, UTC), body)
    assert signing.headers([Secret(secret)], "evt_1", stamp, body.encode())["webhook-signature"] == expected
