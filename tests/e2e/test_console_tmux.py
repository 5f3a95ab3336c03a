"""What a technician sees of the core itself: consoles in a real terminal that share it, lose it, and find it again."""

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.sentry import DELIBERATE_S
from tests.e2e.shops import NIGHT, a_shop

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

HEARD_S = 2.0
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


@pytest.mark.requirement(24)
@both_languages
def test_consoles_and_headquarters_see_within_2_s_what_the_others_do(tmp_path: Path, language: Language) -> None:
    """A case that one of them acknowledges and another handles; a drain, which takes as long as nobody answers it."""
    words = Words(language)
    with a_shop(tmp_path, NIGHT, language) as shop:
        shop.measure(9.4, drinks=3.1, frozen=-19.4)
        consoles = [shop.window(LOGNAME=name) for name in ("li", "wang")]
        for console in consoles:
            console.shows(words("link.live"), words("handling.new"), words("error.connect"))
        assert len(shop.cores) == 1
        li, wang = consoles
        li.keys("A")
        li.shows(words("dialog.yes"))
        time.sleep(2 * DELIBERATE_S)
        li.keys("Y")
        li.shows(words("acknowledge.done", who="li"))
        wang.shows(f"{words('handling.acknowledged')} li", seconds=HEARD_S)
        (case,) = shop.core.get("cases")["items"]
        shop.core.post(f"cases/{case['case_id']}/handle", {"by": "zhao", "action": "called"})
        for console in consoles:
            console.shows(f"{words('handling.actioned')} zhao", seconds=HEARD_S)
        with socket.create_server(("127.0.0.1", shop.ports["receiver"])):  # takes all, and answers nothing
            drain = shop.core.post("webhooks/retries/drain", {"only_due": False, "time_budget_s": 0, "by": "zhao"})
            for console in consoles:
                console.shows(words("drain.elsewhere", n=0, all=drain["counts"]["matched"]), seconds=HEARD_S)
            wang.keys("D")
            wang.shows(words("drain.whose", who=drain["actor"]), " 0/3 ")
        for console in consoles:
            console.hides(words("drain.elsewhere", n=0, all=3))


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
