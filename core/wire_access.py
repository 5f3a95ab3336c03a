"""The manage API's requests and answers about who may do what; conventions as in wire.py. Values only."""

from typing import Annotated, Literal

from msgspec import Meta

from core.wire import Answer, Body, Moment

TokenScope = Literal["read", "operate", "admin"]
OperatorScope = Literal["operate", "admin"]

# Six digits: with the waits for who guesses a kiosk takes some hundred wrong ones a day, so that four (10,000) would be found
# within months and six take decades. Twelve can still be typed with gloves on.
PIN_DIGITS = "6 to 12 digits"
PIN_PATTERN = "^[0-9]{6,12}$"


class WhoAmI(Answer, frozen=True, kw_only=True):
    """Who the core takes the caller for, as it stands in the audit, and the most that he may do."""

    actor: str
    via: str | None
    scope: TokenScope
    origin: str


class Operator(Answer, frozen=True, kw_only=True):
    """Somebody with a PIN."""

    name: str
    scope: OperatorScope


class Operators(Answer, frozen=True, kw_only=True):
    """Everybody with a PIN."""

    items: tuple[Operator, ...]


class Unlock(Body, frozen=True, kw_only=True):
    """An operator's name and PIN."""

    operator: Annotated[str, Meta(min_length=1, max_length=64)]
    pin: Annotated[str, Meta(pattern=PIN_PATTERN)]

    def __repr__(self) -> str:
        return f"Unlock(operator={self.operator!r}, pin=***)"


class Unlocked(Answer, frozen=True, kw_only=True):
    """`token` is a bearer token for the socket, good for the same user of the box only."""

    token: str
    operator: str
    scope: OperatorScope
    expires_at: Moment
    expires_in_s: float

    def __repr__(self) -> str:
        return f"Unlocked(token=***, operator={self.operator!r})"


class Locked(Answer, frozen=True, kw_only=True):
    """Nothing that this operator unlocked for this user of the box is good any more."""

    operator: str
