"""The power goes at a random moment: what the box had said was safe is there, the cases as well as the deliveries."""

from pathlib import Path
from random import Random

import pytest

from tests.core.journal.rigs import needs_strace
from tests.e2e.power_rig import Box, a_card, without

CUTS = 15
CUTS_WITHOUT_SYNC = 10
CARDS_IN_A_TORTURE = 4  # of each kind, with CUTS lives on each
JOURNALS = ("cases.jsonl", "retries.jsonl")

KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "as made": {},
    "data=writeback": {"mount": ("data=writeback",)},
    "no early allocation": {"mount": ("noauto_da_alloc",)},
    "no journal": {"make": ("-O", "^has_journal")},
}


def test_a_power_cut_loses_nothing_that_was_said_to_be_safe(tmp_path: Path) -> None:
    """Each life begins on what the cut before left, and compacts both journals while it runs."""
    with a_card(tmp_path / "a") as card:
        check_many_lives(Box(card, Random(20261123)))


@needs_strace
@pytest.mark.parametrize("calls", ["fdatasync", "fsync,fdatasync"])
def test_the_same_cuts_show_a_loss_where_the_sync_is_missing(tmp_path: Path, calls: str) -> None:
    """The examination can see: where the disk only says that it has synced, something is found missing."""
    with a_card(tmp_path / "a") as card:
        box = Box(card, Random(20261123), under=without(calls))
        assert any(box.live_until_a_cut() for _ in range(CUTS_WITHOUT_SYNC))


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
def test_many_power_cuts_lose_nothing_on_any_kind_of_card(tmp_path: Path, kind: str) -> None:
    """One card after the other, each with many lives."""
    for number in range(CARDS_IN_A_TORTURE):
        with a_card(tmp_path / str(number), **KINDS[kind]) as card:
            check_many_lives(Box(card, Random(f"{kind} {number}")))


def check_many_lives(box: Box) -> None:
    for cut in range(CUTS):
        assert box.live_until_a_cut() == [], f"after cut {cut + 1}"
    said, compactions = (
        (len(box.ledger.cases), len(box.ledger.deliveries)),
        [box.compactions(name) for name in JOURNALS],
    )
    print(f"\n{CUTS} cuts, {said[0]} cases, {said[1]} deliveries, {compactions} compactions, 0 lost")
    assert min(said) > CUTS
    assert min(compactions) > 0
