"""Every way not to get an answer from a core, and how each is said. Values only.

ClientError
 ├─ LostError      nobody answers, or not in time; `cause` says how, in a word of the screens
 ├─ DeniedError    the core does not let this caller in
 ├─ AlienError     what answers is not this contract: another version, or something else
 └─ RefusedError   the core refuses this request and says why; also a wrong PIN, and that an unlock has ended
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdg_tui.i18n import Words


class ClientError(Exception):
    """Base of the tree; `cause` is a key of the words' group `cause`, `detail` what more there is to say."""

    def __init__(self, cause: str, detail: str = ""):
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause, self.detail = cause, detail

    def told(self, words: "Words") -> str:
        """Why, as people read it."""
        return words.cause(self.cause, self.detail)


class LostError(ClientError):
    """No answer."""


class DeniedError(ClientError):
    """401 or 403 of whoever asks, or the socket itself may not be opened."""


class AlienError(ClientError):
    """An answer that this console can't read."""


class RefusedError(ClientError):
    """A problem+json answer; `cause` is its stable code, `drain_id` the drain that is in the way, where one is, `wait_s` how
    long the core wants to be left alone.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, drain_id: str | None = None, wait_s: float | None = None
    ):
        super().__init__(code, detail)
        self.status, self.drain_id, self.wait_s = status, drain_id, wait_s
