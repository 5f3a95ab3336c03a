"""What a technician sees of the core itself: consoles in a real terminal that share it, lose it, and find it again."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.e2e.shops import a_shop

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

LOST_S = 6.0  # the contract's 5 s, and one for looking at it
both_languages = pytest.mark.parametrize("language", LANGUAGES)


@pytest.mark.requirement(24)
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
