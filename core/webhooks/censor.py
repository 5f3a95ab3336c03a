"""Keeps an endpoint's secrets out of what its receiver says: debug pages and firewalls repeat the request. Pure."""

import base64
import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from core.settings import Endpoint

LEAST: Final = 4  # what is shorter stands in too many words to be taken out of them
LEAST_SEGMENT: Final = 8  # of a path or a header: `hooks` is no secret, a key may be one


class Censor:
    """Of one endpoint. Each byte of what is secret becomes a star, so that no cut can lay a piece of it bare."""

    def __init__(self, endpoint: Endpoint):
        forms = {form for secret in _secrets(endpoint) for form in _forms(secret) if len(form) >= LEAST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        any_of = b"|".join(re.escape(form.encode()) for form in longest_first)
        self._secret = re.compile(any_of or b"(?!)", re.IGNORECASE)

    def bytes(self, said: bytes) -> bytes:
        return self._secret.sub(lambda found: b"*" * len(found[0]), said)

    def text(self, said: str) -> str:
        return self.bytes(said.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")


def _secrets(endpoint: Endpoint) -> Iterator[str]:
    yield from _of_url(endpoint.url)
    for value in (header.reveal() for header in endpoint.headers.values()):
        yield value
        yield from (word for word in value.split() if len(word) >= LEAST_SEGMENT)  # a token without its `Bearer`
    for secret in (endpoint.secret, endpoint.secret_previous):
        if secret is not None:
            yield secret.reveal().removeprefix("whsec_")
    if endpoint.proxy is not None:
        yield from _of_login(endpoint.proxy.reveal())


def _of_url(url: str) -> Iterator[str]:
    """Host and port may be shown, what comes before and after them not."""
    yield from _of_login(url)
    try:
        parts = urlsplit(url)
    except ValueError:  # a host that is none; such an endpoint is never reached
        return
    yield from (f"{parts.path}?{parts.query}", parts.path, parts.query, parts.fragment)
    yield from (segment for segment in parts.path.split("/") if len(segment) >= LEAST_SEGMENT)
    yield from (piece.partition("=")[2] for piece in parts.query.split("&"))


def _of_login(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    login, has_login, _ = parts.netloc.rpartition("@")
    if has_login:
        name, _, password = login.partition(":")
        yield from (login, name, password)
        yield base64.b64encode(unquote(login).encode()).decode()


def _forms(secret: str) -> Iterator[str]:
    """As it stands, and as URL, JSON and HTML write it."""
    plain = unquote(secret)
    yield from (secret, plain, quote(plain, safe=""), quote(plain))
    yield from (quote(secret, safe=""), quote(secret))
    yield from (one for form in (secret, plain) for one in (form.replace("/", "\\/"), html.escape(form)))
