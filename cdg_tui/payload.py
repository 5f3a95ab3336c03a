"""What a delivery's receiver is sent, as the console shows it. A value only."""

from typing import Any

from msgspec import Struct


class Payload(Struct, frozen=True, kw_only=True):
    """`sha256` and `bytes` are of the body as it goes out, `body` is what it says."""

    bytes: int
    sha256: str
    body: Any
