"""Standard Webhooks headers. Pure.

Signature: base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}")) behind "v1,"; one for each key, separated by spaces, so
that a receiver may change its secret over (Standard Webhooks specification, "Signature scheme").
"""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha256

from core.settings import Secret


def key_of(secret: Secret) -> bytes:
    return base64.b64decode(secret.reveal().removeprefix("whsec_"))


def headers(secrets: Iterable[Secret], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; without any secret only the id and the timestamp."""
    signed = b"%s.%d.%s" % (event_id.encode(), timestamp, body)
    signatures = ["v1," + base64.b64encode(hmac.digest(key_of(secret), signed, sha256)).decode() for secret in secrets]
    found = {"webhook-id": event_id, "webhook-timestamp": str(timestamp)}
    if signatures:
        found["webhook-signature"] = " ".join(signatures)
    return found
