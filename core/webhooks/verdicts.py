"""What an answer says: delivered, or failed and how. Pure.

Whoever stands between us and the receiver can answer in its place where nothing is encrypted: the log-in page of a guest
network is an HTML document with 200, a redirect to another host, or 511.
"""

import codecs
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from core.webhooks.deliveries import Delivered, ErrorClass, Failed, Outcome, Reach

EXCERPT_MAX: Final = 1024  # bytes of UTF-8
REASON_MAX: Final = 100
_TOO_MANY_REQUESTS: Final = 429
_LOG_IN_FIRST: Final = 511
_DIGITS: Final = re.compile(r"^[0-9]{1,10}$")
_CLASSES: Final = {3: ErrorClass.REDIRECT, 4: ErrorClass.HTTP_4XX, 5: ErrorClass.HTTP_5XX}


class Answer(Struct, frozen=True, kw_only=True):
    """What came back from `host`, `encrypted` or for anyone between to write. `headers` finds names in any case; `body` are
    the bytes that were read of it, as they came, and `more` that there were others.
    """

    host: str
    encrypted: bool
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    more: bool


def verdict(answer: Answer) -> Outcome:
    """Any 2xx is delivered, whatever its body, unless somebody else has written it."""
    portal = _is_of_a_portal(answer)
    if answer.status // 100 == 2 and not portal:
        return Delivered(http_status=answer.status)
    excerpt, truncated = excerpt_of(answer)
    return Failed(
        error_class=ErrorClass.CAPTIVE_PORTAL if portal else _class_of(answer.status),
        error=f"{answer.status} {clean(answer.reason[:REASON_MAX])}".strip(),
        http_status=answer.status,
        retry_after_s=retry_after_s(answer.headers),
        excerpt=excerpt,
        truncated=truncated,
        reach=Reach.PORTAL if portal else Reach.UP,
    )


def _class_of(status: int) -> ErrorClass:
    if status == _TOO_MANY_REQUESTS:
        return ErrorClass.RATE_LIMITED
    return _CLASSES.get(status // 100, ErrorClass.HTTP_OTHER)


def _is_of_a_portal(answer: Answer) -> bool:
    if answer.encrypted:  # nobody between could have answered
        return False
    if answer.status // 100 == 2:
        return _is_document(answer)
    if answer.status // 100 == 3:
        return _leads_elsewhere(answer)
    return answer.status == _LOG_IN_FIRST


def _is_document(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "text/html" and answer.body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def _leads_elsewhere(answer: Answer) -> bool:
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:  # to nowhere
        return False
    return host is not None and host != answer.host


def excerpt_of(answer: Answer) -> tuple[str, bool]:
    """The start of the body as clean text, and whether there was more. Of a compressed one there is none: unpacking it
    could fill the memory.
    """
    if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return "", answer.more or bool(answer.body)
    start, more = answer.body[:EXCERPT_MAX], answer.more or len(answer.body) > EXCERPT_MAX
    # What the cut leaves of a character at the end is no text.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(start, final=not more)
    whole = clean(text).encode()
    # One broken byte becomes a sign of three.
    return whole[:EXCERPT_MAX].decode("utf-8", "ignore"), more or len(whole) > EXCERPT_MAX


def clean(text: str) -> str:
    """Without control characters, which a screen or a log might obey."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds: digits, or an HTTP date measured against the answer's own `Date`, since the clock of
    this box may be wrong. Anything else is None.
    """
    text = headers.get("retry-after", "").strip()
    if _DIGITS.match(text):
        return float(text)
    until, sent = http_date(text), http_date(headers.get("date", ""))
    if until is None or sent is None:
        return None
    return max(0.0, (until - sent).total_seconds())


def http_date(text: str) -> datetime | None:
    """A moment with its zone, or None for what is no HTTP date."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
