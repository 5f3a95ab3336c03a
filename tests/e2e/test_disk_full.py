"""The running product on a disk that is full, has no inodes left, or went read-only: it guards, sends, says so, and heals."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.e2e.conftest import json_lines, wait_until
from tests.e2e.shops import BUSY, Shop, a_shop

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts file systems of its own"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]
both_languages = pytest.mark.parametrize("language", LANGUAGES)
TOLD_S = 5.0  # the contract: from the first write that failed
HEALED_S = 70.0  # the disk is tried again every minute at last
SYNCED_S = 0.5  # what was shown the moment before is on disk by then
TMPFS = ("-t", "tmpfs", "none", "-o")

# A thermostat's cycle takes some 20 min, two seconds here; the limit lies within it, so each cycle is a case.
FULL = (
    BUSY
    + """
[webhooks.retry]
first_delay_s = 300
max_delay_s = 600

[[webhooks.endpoints]]
id = "away"
url = "http://127.0.0.1:{thermometer}/"
"""
)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@contextlib.contextmanager
def mounted(place: Path, *how: str) -> Iterator[None]:
    """A file system of its own for the data directory."""
    place.mkdir(parents=True)
    try:
        run("mount", *how, str(place))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"can't mount: {error.stderr.decode().strip()}")
    try:
        shutil.rmtree(place / "lost+found", ignore_errors=True)  # a core takes only an empty directory for a new one
        yield
    finally:
        run("umount", "-l", str(place))


def memory_only(durability: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in durability["journals"].items() if one["state"] == "memory_only"}


class Guarded:
    """A busy shop on such a disk: one endpoint takes what it gets, at the other nobody is."""

    def __init__(self, shop: Shop):
        self.shop, self.core = shop, shop.core

    @property
    def durability(self) -> dict[str, Any]:
        found: dict[str, Any] = self.core.get("status")["durability"]
        return found

    @property
    def got(self) -> set[str]:
        """The events that headquarters has."""
        return {one["id"] for one in json_lines(self.shop.directory / "got.jsonl")}

    @property
    def waiting(self) -> set[str]:
        """The events that wait for the endpoint where nobody is."""
        return self.waiting_for("away")

    def waiting_for(self, endpoint: str) -> set[str]:
        items, cursor = [], None
        while True:
            page = self.core.get("webhooks/retries", limit=250, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            if (cursor := page["next"]) is None:
                return {item["event_id"] for item in items if item["endpoint"]["id"] == endpoint}

    def fill(self) -> None:
        """Take every byte that is left."""
        with contextlib.suppress(OSError), (self.core.data / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def fill_until_lost(self) -> dict[str, Any]:
        """The reserve may carry the journals for a while."""

        def filled() -> dict[str, Any] | None:
            self.fill()
            return self.lost()

        lost: dict[str, Any] = wait_until(filled, "a journal is in memory only", 60)
        return lost

    def take_inodes(self) -> None:
        """Take every file that could still be made."""
        with contextlib.suppress(OSError):
            for number in range(1000):
                (self.core.data / f"taken-{number:03}").touch()
        assert os.statvfs(self.core.data).f_favail == 0

    def give_back(self) -> None:
        for file in [self.core.data / "ballast", *self.core.data.glob("taken-*")]:
            file.unlink(missing_ok=True)

    def lost(self) -> dict[str, Any] | None:
        """The journals that are in memory only."""
        return memory_only(self.durability) or None

    def assert_goes_on(self, seconds: float = 3.0) -> None:
        """The beat rises, readings are fresh, headquarters gets what happens."""
        before = self.got
        self.shop.assert_guarded(seconds)
        (reading,) = self.core.get("readings")["items"]
        assert reading["value"] is not None
        assert reading["age_s"] < 2.0
        wait_until(lambda: self.got > before, "headquarters gets news")

    def assert_told(self) -> dict[str, Any]:
        """As memory-only with a reason, in status and among the problems; the journals that are."""
        status = self.core.get("status")
        durability, problems = status["durability"], [one["code"] for one in status["problems"]]
        lost = memory_only(durability)
        assert durability["state"] == "memory_only"
        assert lost
        for name, journal in lost.items():
            assert journal["reason"]
            assert f"{name}_not_durable" in problems
        return lost

    def assert_kill_loses_nothing(self) -> None:
        """Whatever was accepted before a SIGKILL is with headquarters or waits for it, and the account adds up."""
        accepted = self.waiting
        time.sleep(SYNCED_S)
        self.core.kill()
        self.core.start()
        status, waiting = self.core.get("status"), self.waiting
        assert accepted <= waiting, f"lost: {sorted(accepted - waiting)}"
        assert status["webhooks"]["accounts"]["unaccounted"] == 0
        assert status["durability"]["state"] == "durable"
        # An attempt that failed on the busy machine comes again only minutes later.
        wait_until(lambda: accepted <= self.got | self.waiting_for("hq"), f"headquarters gets {len(accepted)} events")


@contextlib.contextmanager
def a_guarded_shop(directory: Path, *disk: str, language: Language = "zh") -> Iterator[Guarded]:
    with mounted(directory / "data", *disk), a_shop(directory, FULL, language) as shop:
        guarded = Guarded(shop)
        shop.headquarters()
        shop.core.start()
        wait_until(lambda: guarded.waiting and guarded.got, "events come and go")
        yield guarded


def seconds_since(journals: dict[str, Any]) -> float:
    """How long ago the first of them was lost."""
    first = min(datetime.fromisoformat(one["since"]) for one in journals.values())
    return (datetime.now(UTC) - first).total_seconds()


@both_languages
def test_a_full_disk_is_told_in_words_at_once_and_heals_when_there_is_room(tmp_path: Path, language: Language) -> None:
    words = Words(language)
    not_durable, durable = words("durability.memory_only"), words("durability.durable")
    with a_guarded_shop(tmp_path, *TMPFS, "size=1m", language=language) as guarded:
        console = guarded.shop.window()
        console.shows(words("link.live"), durable)
        lost = guarded.fill_until_lost()
        console.shows(not_durable)
        took_s = seconds_since(lost)
        print(f"\n{', '.join(lost)}: not durable on the screen {took_s:.1f} s after the first write that failed")
        assert took_s < TOLD_S
        guarded.assert_goes_on()
        guarded.assert_told()
        guarded.give_back()
        wait_until(lambda: guarded.durability["state"] == "durable", "it heals", HEALED_S)
        console.hides(not_durable)
        console.shows(durable)
        guarded.assert_kill_loses_nothing()


def test_a_start_after_a_kill_on_a_full_disk_keeps_what_is_in_the_file(tmp_path: Path) -> None:
    """It can't write its first generation, so it goes on in memory; the file stays as it was until there is room."""
    with a_guarded_shop(tmp_path, *TMPFS, "size=1m") as guarded:
        safe = guarded.waiting
        time.sleep(SYNCED_S)
        guarded.fill_until_lost()
        guarded.core.kill()
        guarded.fill()
        guarded.core.start()
        guarded.assert_told()
        assert safe <= guarded.waiting
        guarded.assert_goes_on()
        guarded.give_back()
        wait_until(lambda: guarded.durability["state"] == "durable", "it heals", HEALED_S)
        assert safe <= guarded.waiting
        guarded.assert_kill_loses_nothing()


def test_without_an_inode_the_journals_go_on_and_a_start_says_what_it_cannot_do(tmp_path: Path) -> None:
    """Appending needs none; the first generation of a start after a kill does."""
    with a_guarded_shop(tmp_path, *TMPFS, "size=1m,nr_inodes=20") as guarded:
        guarded.take_inodes()
        guarded.assert_goes_on()
        assert guarded.durability["state"] == "durable"
        safe = guarded.waiting
        time.sleep(SYNCED_S)
        guarded.core.kill()
        guarded.take_inodes()
        guarded.core.start()
        guarded.assert_told()
        assert safe <= guarded.waiting
        guarded.assert_goes_on()
        guarded.give_back()
        wait_until(lambda: guarded.durability["state"] == "durable", "it heals", HEALED_S)
        guarded.assert_kill_loses_nothing()


def test_a_disk_that_goes_read_only_under_the_core_stops_nothing_and_is_told(tmp_path: Path) -> None:
    """As ext4 does when its card fails: from one moment to the next, with the journals open."""
    image = tmp_path / "card"
    image.write_bytes(bytes(16 * 1024 * 1024))
    run("mkfs.ext4", "-q", str(image))
    words = Words("zh")
    with a_guarded_shop(tmp_path, "-o", "loop,errors=remount-ro", str(image)) as guarded:
        console = guarded.shop.window()
        console.shows(words("link.live"), words("durability.durable"))
        fail_the_card(tmp_path / "data")
        lost = wait_until(guarded.lost, "the journals are lost")
        console.shows(words("durability.memory_only"))
        assert seconds_since(lost) < TOLD_S
        assert {one["reason"] for one in guarded.assert_told().values()} <= {
            "Read-only file system",
            "Input/output error",
        }
        guarded.assert_goes_on(8.0)
        guarded.assert_told()
        assert guarded.core.alive
        assert "Traceback" not in guarded.core.said


def fail_the_card(place: Path) -> None:
    """Let the kernel find an error in the file system there."""
    device = subprocess.run(
        ["findmnt", "-n", "-o", "SOURCE", str(place)], check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()
    trigger = Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error")
    if not trigger.exists():
        pytest.skip("this kernel can't be told to find an error in a file system")
    trigger.write_text("x")
