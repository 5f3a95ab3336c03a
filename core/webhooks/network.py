"""What this box's own attempts say of its network. Pure.

No beacon of a third party is asked. An answer, also a refusal, proves that the network is up; no route and no resolver
prove that it is not, but only where no endpoint's last word was an answer: what ails one name or one certificate is not the
box's, and that endpoint's gate holds back for itself then. Silence speaks against the network where nobody answers at all.
"""

from enum import StrEnum
from typing import Final

from core.webhooks.deliveries import Reach

SILENCES: Final = 2  # in a row, of one endpoint that is the only one, or of as many endpoints


class NetworkState(StrEnum):
    """Of the whole box; `unknown` until the first attempt."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"
    CAPTIVE_PORTAL = "captive_portal"
    CLOCK_BAD = "clock_bad"

    @property
    def hinders(self) -> bool:
        """Whether deliveries fail for a reason that is no endpoint's."""
        return self not in {NetworkState.UNKNOWN, NetworkState.ONLINE}


_PROVES: Final = {
    Reach.DOWN: NetworkState.OFFLINE,
    Reach.PORTAL: NetworkState.CAPTIVE_PORTAL,
    Reach.CLOCK: NetworkState.CLOCK_BAD,
}


class Network:
    """Hears of every attempt."""

    def __init__(self) -> None:
        self.state = NetworkState.UNKNOWN
        self._up: set[str] = set()  # the endpoints whose last word was an answer
        self._silent: dict[str, int] = {}  # how often in a row, of the endpoints that did not answer last

    def heard(self, endpoint: str, reach: Reach) -> bool:
        """Take in what an attempt said; whether that changed the state."""
        before = self.state
        self._up.discard(endpoint)
        if reach is Reach.UP:
            self.state = NetworkState.ONLINE
            self._up.add(endpoint)
            self._silent.clear()
        elif reach is Reach.SILENT:
            self._silent[endpoint] = self._silent.get(endpoint, 0) + 1
            if sum(self._silent.values()) >= SILENCES and not self._up:
                self.state = NetworkState.OFFLINE
        elif not self._up:
            self.state = _PROVES[reach]
        return self.state is not before
