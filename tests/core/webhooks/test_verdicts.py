"""What an answer says, without a network: portals, excerpts, waits."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Outcome, Reach
from core.webhooks.verdicts import EXCERPT_MAX, Answer, excerpt_of, retry_after_s, verdict

PAGE = b"<!doctype html><title>Guest Wi-Fi</title>"
HTML = "text/html; charset=utf-8"


def an_answer(status: int = 200, body: bytes = b"", *, encrypted: bool = False, **changes: object) -> Answer:
    headers = {name.replace("_", "-"): str(value) for name, value in changes.items() if name != "more"}
    more = bool(changes.get("more", False))
    return Answer(
        host="hq.example",
        encrypted=encrypted,
        status=status,
        reason="Fine",
        headers=httpx.Headers(headers),
        body=body,
        more=more,
    )


def is_portal(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and (outcome.error_class, outcome.reach) == (
        ErrorClass.CAPTIVE_PORTAL,
        Reach.PORTAL,
    )


@pytest.mark.parametrize("body", [PAGE, b"\xef\xbb\xbf" + PAGE, b" \r\n\t" + PAGE, b"<html>", b"<"])
@pytest.mark.parametrize("kind", [HTML, "text/html", "Text/HTML;x"])
@pytest.mark.parametrize("status", [200, 202, 299])
def test_a_document_over_plain_http_is_a_portals(body: bytes, kind: str, status: int) -> None:
    """Receivers of webhooks answer with none, guest networks do."""
    assert is_portal(verdict(an_answer(status, body, content_type=kind)))


@pytest.mark.parametrize(
    ("body", "kind", "encrypted"),
    [
        (PAGE, HTML, True),
        (PAGE, "application/json", False),
        (PAGE, "", False),
        (b"", HTML, False),
        (b"ok", HTML, False),
        (b"{}", HTML, False),
        (b"  ", HTML, False),
    ],
)
def test_anything_else_is_the_receivers(body: bytes, kind: str, encrypted: bool) -> None:
    """Under TLS nobody else can have answered, and a word of text is no page."""
    assert verdict(an_answer(200, body, encrypted=encrypted, content_type=kind)) == Delivered(http_status=200)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "elsewhere"),
    [
        ("http://portal.example/", True),
        ("//portal.example/login", True),
        ("https://10.0.0.1/", True),
        ("http://HQ.example/y", False),
        ("https://hq.example:8443/", False),
        ("/login", False),
        ("", False),
        ("http://[", False),
        ("http://", False),
    ],
)
def test_a_redirect_to_another_host_is_a_portals(status: int, location: str, elsewhere: bool) -> None:
    """To the same one the receiver has moved, and someone must change the address."""
    outcome = verdict(an_answer(status, location=location))
    assert isinstance(outcome, Failed)
    assert (outcome.error_class is ErrorClass.CAPTIVE_PORTAL, is_portal(outcome)) == (elsewhere, elsewhere)
    assert elsewhere or outcome.error_class is ErrorClass.REDIRECT


@pytest.mark.parametrize(("status", "error_class"), [(302, ErrorClass.REDIRECT), (511, ErrorClass.HTTP_5XX)])
def test_what_comes_under_tls_is_the_receivers_own(status: int, error_class: ErrorClass) -> None:
    """Whoever holds its certificate has answered, and nobody between."""
    outcome = verdict(an_answer(status, encrypted=True, location="http://other.example/"))
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.reach) == (error_class, Reach.UP)


@pytest.mark.parametrize(
    ("body", "more", "excerpt", "truncated"),
    [
        (b"", False, "", False),
        (b"why", False, "why", False),
        (b"why", True, "why", True),
        (b"x" * EXCERPT_MAX, False, "x" * EXCERPT_MAX, False),
        (b"x" * (EXCERPT_MAX + 1), False, "x" * EXCERPT_MAX, True),
        ("冷".encode() * 400, False, "冷" * 341, True),
        (b"\xff" * EXCERPT_MAX, False, "\ufffd" * 341, True),
        (b"end" + "冷".encode()[:2], False, "end\ufffd", False),
        (b"end" + "冷".encode()[:2], True, "end", True),
        (b" \x1b[2Ja\r\nb\0 ", False, "[2Ja  b", False),
    ],
)
def test_the_excerpt_says_when_there_was_more(body: bytes, more: bool, excerpt: str, truncated: bool) -> None:
    """It is cut between two characters, and half a one at the end of the body shows that it is broken."""
    assert excerpt_of(an_answer(500, body, more=more)) == (excerpt, truncated)


@given(st.binary(max_size=3000), st.booleans())
def test_any_body_has_an_excerpt_that_a_journal_and_a_screen_can_take(body: bytes, more: bool) -> None:
    """At most a KiB of UTF-8, and nothing that commands."""
    text, truncated = excerpt_of(an_answer(500, body, more=more))
    assert len(text.encode()) <= EXCERPT_MAX
    assert text.isprintable()
    assert truncated or not more


def test_of_a_compressed_body_there_is_no_excerpt() -> None:
    """Unpacked it could be any size, and as it is it says nothing."""
    assert excerpt_of(an_answer(500, b"\x1f\x8b...", content_encoding="gzip")) == ("", True)
    assert excerpt_of(an_answer(500, b"", content_encoding="gzip")) == ("", False)
    assert excerpt_of(an_answer(500, b"why", content_encoding="Identity")) == ("why", False)


def test_a_failure_keeps_what_was_said() -> None:
    """Status, reason, excerpt and that there was more."""
    assert verdict(an_answer(500, b"database down", more=True)) == Failed(
        error_class=ErrorClass.HTTP_5XX,
        error="500 Fine",
        http_status=500,
        excerpt="database down",
        truncated=True,
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_text_breaks_the_reading_of_retry_after(asked: str, date: str) -> None:
    """Whatever stands there: a number that is not negative, or nothing."""
    found = retry_after_s(
        httpx.Headers([(b"retry-after", asked.encode(errors="replace")), (b"date", date.encode(errors="replace"))])
    )
    assert found is None or found >= 0


@given(
    st.from_regex(
        r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}( [-+A-Z0-9]{0,8})?", fullmatch=True
    )
)
def test_no_broken_date_breaks_the_reading_of_retry_after(text: str) -> None:
    """Nearly-dates too."""
    found = retry_after_s(httpx.Headers({"retry-after": text, "date": text}))
    assert found in {None, 0.0}
