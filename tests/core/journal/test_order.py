"""The order of system calls, from a trace: a power cut after any of them leaves one complete generation, and no lost byte."""

from tests.core.journal.phases import PHASES, a_process
from tests.core.journal.rigs import needs_strace

pytestmark = needs_strace

CHANGING = {"write", "fsync", "fdatasync", "link", "rename", "ftruncate"}
IN_PLACE = ["rename new", "fsync directory"]
KEPT = ["link prev.tmp", "rename prev.tmp"]
REPORTED = ["write report", "fsync report", "fsync quarantine"]


def order_of(phase: str) -> list[str]:
    """What changes files in the first order of a phase, in its turn."""
    with a_process(PHASES[phase]) as (process, _), process.traced() as steps:
        process.obey(PHASES[phase].under[0])
    assert not [step for step in steps if step.failed and step.call in CHANGING]
    return [step.name for step in steps if step.call in CHANGING]


def test_the_first_generation_is_written_synced_renamed_and_its_directory_synced() -> None:
    assert order_of("first start") == ["write new", "fsync new", *IN_PLACE]


def test_a_change_is_written_and_synced() -> None:
    """Nothing else: an append touches no other file."""
    assert order_of("append") == ["write file", "fdatasync file"]


def test_a_compaction_gives_the_former_generation_a_second_name_when_the_new_one_is_synced() -> None:
    """The change that calls for it is on disk before."""
    assert order_of("compaction") == [
        *("write file", "fdatasync file"),
        *("write new", "write new", "fsync new", *KEPT, *IN_PLACE),
    ]


def test_a_damaged_file_is_in_quarantine_and_reported_before_it_is_replaced() -> None:
    """By a second name; the directory that holds it is synced first. It never becomes the generation before."""
    assert order_of("repair") == [
        *("fsync directory", "link piece", *REPORTED),
        *("write new", "write new", "fsync new", *IN_PLACE),
    ]


def test_a_torn_end_is_copied_into_quarantine_and_synced_before_the_file_is_replaced() -> None:
    assert order_of("repair of a torn end") == [
        *("fsync directory", "write piece", "fsync piece", *REPORTED),
        *("write new", "write new", "fsync new", *KEPT, *IN_PLACE),
    ]
