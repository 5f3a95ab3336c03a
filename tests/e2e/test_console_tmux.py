"""What a technician sees at the cabinets: the console in a real terminal over a real core, its peers real processes."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.e2e.conftest import json_lines, wait_until
from tests.e2e.shops import MEASURED, a_shop
from tests.e2e.terminals import Window

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

LOST_S = 6.0  # the contract's 5 s, and one for looking at it
both_languages = pytest.mark.parametrize("language", LANGUAGES)


def attempts_of(window: Window, event: str) -> int | None:
    """How many the row of this event counts, where it also shows when the next one is due."""
    row = re.search(rf"{event}.* (\d+) +\d\d:\d\d:\d\d ", window.text)
    return int(row[1]) if row else None


@both_languages
def test_a_webhook_that_fails_counts_up_until_a_drain_delivers_it(tmp_path: Path, language: Language) -> None:
    """Readings move, a case opens, headquarters is away, then broken, then mended: all of it on one screen."""
    words = Words(language)
    event = words("event.case.opened")
    with a_shop(tmp_path, MEASURED, language) as shop:
        shop.measure(4.2)
        console = shop.window()
        console.shows(words("link.live"), " 4.2 ", words("state.ok"), "SH-0412", "鲜奶柜")
        shop.measure(9.4)
        console.shows(" 9.4 ", words("state.critical"))
        console.keys("3")
        first = wait_until(lambda: attempts_of(console, event), "a row with its attempts and due time")
        console.shows(words("error.connect"))
        broken = shop.headquarters(503)
        wait_until(lambda: (attempts_of(console, event) or 0) > first, "the row counts up", 40)
        console.shows("HTTP 503", seconds=40)
        broken.kill()
        shop.headquarters()
        console.keys("D")
        console.shows(words("drain.title"), words("drain.preview", n=1, endpoints="hq 1"), seconds=5)
        console.keys("Y")
        console.shows("1/1", words("result.delivered"))
        console.keys("Escape")
        console.shows(words("empty.retries"), f"{words('word.pending')}0")
        assert shop.core.get("status")["webhooks"]["pending"] == 0
        assert [got["verified"] for got in json_lines(shop.directory / "got.jsonl")][-1]


@both_languages
def test_a_second_console_attaches_and_closing_the_first_stops_nothing(tmp_path: Path, language: Language) -> None:
    """Also where the first had started the core, and its window is closed under it."""
    words = Words(language)
    with a_shop(tmp_path, language=language) as shop:
        first = shop.window()
        first.shows(words("link.live"), "鲜奶柜")
        started = shop.cores
        second = shop.window()
        second.shows(words("link.live"), "鲜奶柜")
        assert shop.cores == started
        assert len(started) == 1
        first.close()
        shop.assert_guarded()
        assert shop.cores == started
        assert words("link.lost") not in second.shows(words("link.live"))


@both_languages
def test_a_killed_core_is_shown_as_lost_until_there_is_one_again(tmp_path: Path, language: Language) -> None:
    """With the cause. The console that only attached starts none itself."""
    words = Words(language)
    with a_shop(tmp_path, language=language) as shop:
        shop.core.start()
        console = shop.window()
        console.shows(words("link.live"), "鲜奶柜")
        shop.core.kill()
        console.shows(words("link.lost"), words("cause.refused"), seconds=LOST_S)
        shop.core.start()
        console.hides(words("link.lost"))
        console.shows(words("link.live"))


@both_languages
def test_a_core_that_hangs_is_shown_as_lost_until_it_goes_on(tmp_path: Path, language: Language) -> None:
    words = Words(language)
    with a_shop(tmp_path, language=language) as shop:
        shop.core.start()
        console = shop.window()
        console.shows(words("link.live"), "鲜奶柜")
        os.kill(shop.core.pid, signal.SIGSTOP)
        console.shows(words("link.lost"), words("cause.timeout"), seconds=LOST_S)
        os.kill(shop.core.pid, signal.SIGCONT)
        console.hides(words("link.lost"))
        console.shows(words("link.live"))
