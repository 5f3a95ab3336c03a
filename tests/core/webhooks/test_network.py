"""What the box concludes of its network from its own attempts."""

import pytest

from core.webhooks.deliveries import Reach
from core.webhooks.network import PROOF_HOLDS_S, Network, NetworkState

UP, SILENT, DOWN, PORTAL, CLOCK = Reach
UNKNOWN, ONLINE, OFFLINE, CAPTIVE, CLOCK_BAD = NetworkState

Heard = tuple[str, Reach, float]


def state_after(*heard: Heard) -> NetworkState:
    network = Network()
    for endpoint, reach, at_s in heard:
        network.heard(endpoint, reach, at_s)
    return network.state


LATER = PROOF_HOLDS_S

TALES: dict[str, tuple[list[Heard], NetworkState]] = {
    "nothing was sent yet": ([], UNKNOWN),
    "somebody answered": ([("a", UP, 0)], ONLINE),
    "no resolver, no route: at once": ([("a", DOWN, 0)], OFFLINE),
    "a login page": ([("a", PORTAL, 0)], CAPTIVE),
    "a certificate of another time": ([("a", CLOCK, 0)], CLOCK_BAD),
    "the only endpoint is silent once": ([("a", SILENT, 0)], UNKNOWN),
    "the only endpoint is silent again": ([("a", SILENT, 0), ("a", SILENT, 10)], OFFLINE),
    "two are silent": ([("a", SILENT, 0), ("b", SILENT, 1)], OFFLINE),
    "one is silent and another has just answered": ([("b", UP, 0), ("a", SILENT, 5), ("a", SILENT, 15)], ONLINE),
    "the answer is too old to speak for the network": (
        [("b", UP, 0), ("a", SILENT, LATER), ("a", SILENT, LATER + 10)],
        OFFLINE,
    ),
    "a neighbour answers while the way out is broken": ([("lan", UP, 0), ("hq", DOWN, 5)], ONLINE),
    "the way out breaks a moment after an answer": ([("hq", UP, 0), ("hq", DOWN, 1)], OFFLINE),
    "so it does in silence": ([("hq", UP, 0), ("hq", SILENT, 1), ("hq", SILENT, 11)], OFFLINE),
    "one answer ends it": ([("a", DOWN, 0), ("b", UP, 1)], ONLINE),
    "a portal after an outage": ([("a", DOWN, 0), ("a", PORTAL, 30)], CAPTIVE),
    "silence is counted anew after an answer": ([("a", SILENT, 0), ("a", UP, 1), ("a", SILENT, 2)], ONLINE),
}


@pytest.mark.parametrize("tale", TALES)
def test_tales_of_a_network(tale: str) -> None:
    heard, state = TALES[tale]
    assert state_after(*heard) is state


def test_a_change_is_told_once() -> None:
    network = Network()
    assert [network.heard("a", reach, 0.0) for reach in (DOWN, DOWN, UP, UP)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("state", "hinders"), [(UNKNOWN, False), (ONLINE, False), (OFFLINE, True), (CAPTIVE, True), (CLOCK_BAD, True)]
)
def test_which_states_keep_deliveries_from_getting_out(state: NetworkState, hinders: bool) -> None:
    assert state.hinders is hinders
