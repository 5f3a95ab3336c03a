"""The tale of one night, in a real terminal over a real core, its peers real processes; its screens stand in screens/."""

import shutil
import time
from pathlib import Path

import pytest

from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.sentry import DELIBERATE_S
from tests.e2e.conftest import json_lines
from tests.e2e.shops import NIGHT, Shop, a_shop
from tests.e2e.tale import compare
from tests.e2e.terminals import Window

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

UNKNOWN = '{"error": "site SH-0412 is not registered"}'


class Night:
    """Types one key after the other, each when what it is about stands on the screen, and keeps the pictures."""

    def __init__(self, shop: Shop, language: Language):
        self.words, self._language = Words(language), language
        self._window: Window = shop.window()
        self._kept = 0
        self.typed = ""

    def key(self, key: str, *shown: str) -> None:
        time.sleep(2 * DELIBERATE_S)
        self._window.keys(key)
        self.typed += key
        self._window.shows(*shown)

    def keep(self, name: str, *shown: str) -> None:
        """What the screen looks like when this stands there."""
        self._kept += 1
        self._window.shows(*shown)
        compare(self._window, f"tale-{self._language}-{self._kept}-{name}")


def counted(words: Words, *, pending: int, dead: int) -> tuple[str, str]:
    """How many letters the line at the top counts."""
    return f"{words('word.pending')}{pending} ", f"{words('word.dead')}{dead} "


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_night_from_the_alarm_until_every_letter_is_delivered(tmp_path: Path, language: Language) -> None:
    """Acknowledged and handled in six keys, headquarters away and back, and a letter that it had refused for good."""
    with a_shop(tmp_path, NIGHT, language) as shop:
        shop.environment["LOGNAME"] = "li"  # who acts
        shop.measure(4.2, drinks=3.1, frozen=-19.4)
        shop.core.start()
        night = Night(shop, language)
        night.keep("calm", night.words("link.live"), " 4.2 ", " 3.1 ", " -19.4 ")
        an_alarm_is_handled(shop, night)
        headquarters_is_away_and_comes_back(shop, night)
        a_letter_is_refused_for_good_and_sent_again(shop, night)
        got = json_lines(shop.directory / "got.jsonl")
        assert all(one["verified"] for one in got)
        assert len({one["id"] for one in got}) == 4


# -- its three chapters ------------------------------------------------------------------------------------------------


def an_alarm_is_handled(shop: Shop, night: Night) -> None:
    words = night.words
    shop.measure(9.4, drinks=3.1, frozen=-19.4)
    night.keep("alarm", " 9.4 ", words("state.critical"), words("queue.heading", n=1, due=0, sending=0))
    night.key("A", words("acknowledge.title"), words("dialog.yes"))
    night.keep("acknowledge")
    night.key("Y", words("acknowledge.done", who="li"))
    night.key("H", words("handle.title"), words("handle.choose"))
    night.key("3", f"(*) 3 {words('taken.defrosted')}")
    night.key("1", f"(*) 1 {words('goods.unharmed')}", words("dialog.yes"))
    night.keep("handle")
    night.key("Y", words("handle.done"))
    assert night.typed == "AYH31Y"


def headquarters_is_away_and_comes_back(shop: Shop, night: Night) -> None:
    words = night.words
    night.keep("away", words("queue.heading", n=3, due=0, sending=0), words("error.connect"))
    night.key("3", words("column.next"), words("error.connect"))
    night.keep("queue", words("column.event_id"))
    shop.headquarters()
    night.key("D", words("drain.title"), words("drain.preview", n=3, endpoints="hq 3"))
    night.keep("drain", words("dialog.yes"))
    night.key("Y", words("drain.done", bar="█" * 20, n=3, all=3, delivered=3, failed=0, skipped=0))
    night.keep("drained", *counted(words, pending=0, dead=0))
    night.key("Escape", words("empty.retries"))


def a_letter_is_refused_for_good_and_sent_again(shop: Shop, night: Night) -> None:
    """A core that tries but once has given it up."""
    words = night.words
    shop.headquarters(404, UNKNOWN)
    shop.core.stop()
    shop.core.config.write_text(shop.core.config.read_text().replace("max_attempts = 500", "max_attempts = 1"))
    shop.core.start()
    shop.measure(9.4, drinks=3.1, frozen=-9.1)
    night.key("4", words("reason.max_attempts"), f"404 {words('error.http_4xx')}", *counted(words, pending=0, dead=1))
    night.keep("dead", UNKNOWN)
    night.key("Enter", words("detail.history"), UNKNOWN)
    night.keep("why", f"{words('trigger.auto')} ")
    night.key("Escape", words("column.given_up"))
    shop.headquarters()
    night.key("R", words("requeue.title"), words("dialog.yes"))
    night.keep("requeue")
    night.key("Y", words("empty.dead"), *counted(words, pending=0, dead=0))
    night.key("1", words("order.worst"))
    night.keep("delivered", " -9.1 ")
