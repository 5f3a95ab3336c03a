"""What this box's own attempts say of its network. Pure: time is an argument, in steady seconds.

No beacon of a third party is asked. An answer, also a refusal, proves that the network is up; no route and no resolver
prove that it is not; silence says so only where nobody answers at all. What a nearby receiver answers keeps the box online
while the way out is broken: each endpoint's gate holds back for itself then.
"""

from enum import StrEnum
from typing import Final

from core.webhooks.deliveries import Reach

PROOF_HOLDS_S: Final = 60.0  # how long an answer of one endpoint speaks against what others fail of
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
        self._up_s: dict[str, float] = {}  # when each endpoint answered last
        self._silent: dict[str, int] = {}  # how often in a row, of the endpoints that did not answer last

    def heard(self, endpoint: str, reach: Reach, now_s: float) -> bool:
        """Take in what an attempt said; whether that changed the state."""
        before = self.state
        if reach is Reach.UP:
            self.state = NetworkState.ONLINE
            self._up_s[endpoint] = now_s
            self._silent.clear()
        elif reach is Reach.SILENT:
            self._silent[endpoint] = self._silent.get(endpoint, 0) + 1
            if sum(self._silent.values()) >= SILENCES and not self._proved_without(endpoint, now_s):
                self.state = NetworkState.OFFLINE
        elif not self._proved_without(endpoint, now_s):
            self.state = _PROVES[reach]
        return self.state is not before

    def _proved_without(self, endpoint: str, now_s: float) -> bool:
        return any(now_s - up_s < PROOF_HOLDS_S for name, up_s in self._up_s.items() if name != endpoint)
