"""What the box concludes of its network from its own attempts."""

import pytest

from core.webhooks.deliveries import Reach
from core.webhooks.network import Network, NetworkState

UP, SILENT, DOWN, PORTAL, CLOCK = Reach
UNKNOWN, ONLINE, OFFLINE, CAPTIVE, CLOCK_BAD = NetworkState

Heard = tuple[str, Reach]


def state_after(*heard: Heard) -> NetworkState:
    network = Network()
    for endpoint, reach in heard:
        network.heard(endpoint, reach)
    return network.state


TALES: dict[str, tuple[list[Heard], NetworkState]] = {
    "nothing was sent yet": ([], UNKNOWN),
    "somebody answered": ([("a", UP)], ONLINE),
    "no resolver, no route: at once": ([("a", DOWN)], OFFLINE),
    "a login page": ([("a", PORTAL)], CAPTIVE),
    "a certificate of another time": ([("a", CLOCK)], CLOCK_BAD),
    "the only endpoint is silent once": ([("a", SILENT)], UNKNOWN),
    "the only endpoint is silent again": ([("a", SILENT), ("a", SILENT)], OFFLINE),
    "two are silent": ([("a", SILENT), ("b", SILENT)], OFFLINE),
    "one is silent and another has just answered": ([("b", UP), ("a", SILENT), ("a", SILENT)], ONLINE),
    "a neighbour that has answered is believed until it fails too": (
        [("lan", UP), ("hq", DOWN), ("hq", DOWN), ("lan", SILENT), ("hq", DOWN)],
        OFFLINE,
    ),
    "a neighbour answers while the way out is broken": ([("lan", UP), ("hq", DOWN)], ONLINE),
    "the way out breaks a moment after an answer": ([("hq", UP), ("hq", DOWN)], OFFLINE),
    "so it does in silence": ([("hq", UP), ("hq", SILENT), ("hq", SILENT)], OFFLINE),
    "one answer ends it": ([("a", DOWN), ("b", UP)], ONLINE),
    "a portal after an outage": ([("a", DOWN), ("a", PORTAL)], CAPTIVE),
    "silence is counted anew after an answer": ([("a", SILENT), ("a", UP), ("a", SILENT)], ONLINE),
}


@pytest.mark.parametrize("tale", TALES)
def test_tales_of_a_network(tale: str) -> None:
    heard, state = TALES[tale]
    assert state_after(*heard) is state


def test_a_change_is_told_once() -> None:
    network = Network()
    assert [network.heard("a", reach) for reach in (DOWN, DOWN, UP, UP)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("state", "hinders"), [(UNKNOWN, False), (ONLINE, False), (OFFLINE, True), (CAPTIVE, True), (CLOCK_BAD, True)]
)
def test_which_states_keep_deliveries_from_getting_out(state: NetworkState, hinders: bool) -> None:
    assert state.hinders is hinders
