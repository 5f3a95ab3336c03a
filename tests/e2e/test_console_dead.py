"""Dead letters at two real consoles over a real core: queued again one by one, by marks and by group, or dropped for a reason; and
what a console's own audit then says of each, by whom and why.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from cdg_tui.i18n import Words
from cdg_tui.sentry import DELIBERATE_S
from tests.e2e.conftest import wait_until
from tests.e2e.shops import NIGHT, Shop, a_shop

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

WORDS: Final = Words("zh")
TOLD, OUTDATED = WORDS("why.told_otherwise"), WORDS("why.too_old")  # the first reasons of the list
# Whoever refuses once is not asked again by itself; two are told of each case, one of them of every step.
REFUSED: Final = (
    NIGHT.replace("max_attempts = 500", "max_attempts = 1").replace('"case.*"', '"case.opened"')
    + """
[[webhooks.endpoints]]
id = "erp"
url = "http://127.0.0.1:{receiver}/erp"
secret = "{secret}"
events = ["case.*"]
"""
)
CASES: Final = 3
LETTERS: Final = {"erp": 2 * CASES, "hq": CASES}


def given_up(shop: Shop) -> dict[str, set[str]]:
    """The dead letters of each endpoint, after headquarters has refused all of them; it takes them from now on."""
    shop.headquarters(404)
    shop.measure(9.4, drinks=9.4, frozen=-9.4)
    shop.core.start()
    wait_until(lambda: len(shop.core.get("cases")["items"]) == CASES, "the cases")
    for case in shop.core.get("cases")["items"]:
        shop.core.post(f"cases/{case['case_id']}/acknowledge", {"by": "zhao"})
    wait_until(lambda: shop.core.get("status")["webhooks"]["dead_letter"] == sum(LETTERS.values()), "all are given up")
    shop.headquarters()
    return {endpoint: dead(shop, endpoint) for endpoint in LETTERS}


def dead(shop: Shop, endpoint: str) -> set[str]:
    return set(shop.core.get("webhooks/retries/ids", status="dead_letter", endpoint=endpoint)["delivery_ids"])


class Technician:
    """At a console of his own, on the page of the dead letters; types each key when what it is about stands there."""

    def __init__(self, shop: Shop, name: str):
        self._shop, self._name = shop, name
        self._window = shop.window(LOGNAME=name)
        self._window.shows(WORDS("link.live"))
        self.press("4", f"{WORDS('page.dead')} 1/{sum(LETTERS.values())} ")

    def press(self, key: str, *shown: str) -> str:
        time.sleep(2 * DELIBERATE_S)
        self._window.keys(key)
        return self._window.shows(*shown)

    def goes_on(self) -> None:
        """To the next field."""
        before = self._window.caret
        self.press("Tab")
        wait_until(lambda: self._window.caret != before, "the next field is the one")

    def says_yes(self, endpoint: str) -> set[str]:
        """Which letters of this endpoint that takes out of the list."""
        before = dead(self._shop, endpoint)
        self.press("Y")
        wait_until(lambda: dead(self._shop, endpoint) != before, "it is done")
        left = sum(len(dead(self._shop, one)) for one in LETTERS)
        # The list is of now then, too.
        self._window.shows(f"[4 {WORDS('page.dead')} {left}]" if left else WORDS("empty.dead"))
        return before - dead(self._shop, endpoint)

    def reads_the_audit(self, ids: Iterable[str]) -> list[str]:
        """A deed each, the newest first, on a screen where all of them have room that are about these letters."""
        self._window.resize(200, 50)
        self.press("5", f"[5 {WORDS('page.device')}]")
        screen = self.press("v", WORDS("audit.end"), *ids)
        deeds: list[str] = []
        for line in re.findall(r"│ (.*) │", screen):
            if re.match(r"\d\d:\d\d:\d\d  ", line):
                deeds.append("")
            if deeds:
                deeds[-1] += f"{line.strip()} "
        return deeds


@pytest.mark.requirement(10)
def test_the_audit_on_the_console_says_who_queued_or_dropped_which_dead_letters_and_why(tmp_path: Path) -> None:
    """One, the marked ones and a group are queued again, one and the marked ones dropped; what is queued again is delivered."""
    with a_shop(tmp_path, REFUSED) as shop:
        letters = given_up(shop)
        li, wang = Technician(shop, "li"), Technician(shop, "wang")
        li.press("z", WORDS("order.groups"))
        li.press("Enter", f"{WORDS('page.dead')} 1/{LETTERS['erp']} ")
        li.press("R", WORDS("requeue.title"), WORDS("dialog.yes"))
        one = li.says_yes("erp")
        li.press("Space", WORDS("list.marked", n=1))
        li.press("Space", WORDS("list.marked", n=2))
        li.press("R", WORDS("requeue.many"), WORDS("dialog.many", n=2))
        two = li.says_yes("erp")
        li.press("a", WORDS("list.marked", n=3))
        li.press("X", WORDS("cancel.title"), WORDS("dialog.many", n=3))
        li.press("2", f"(*) 2 {OUTDATED}")
        li.goes_on()
        li.goes_on()
        li.press("3", WORDS("dialog.yes"))
        li.press("BTab", WORDS("form.noting"))
        li.press("Enter", WORDS("dialog.yes"))  # of no field any more: a Y there would be a letter
        three = li.says_yes("erp")
        wang.press("g", f"{WORDS('page.dead')} 1/{LETTERS['hq']} ")  # li's are gone from this list, too
        wang.press("X", WORDS("cancel.title"), WORDS("cancel.choose"))
        wang.press("1", f"(*) 1 {TOLD}", WORDS("dialog.yes"))
        dropped = wang.says_yes("hq")
        wang.press("z", WORDS("order.groups"))
        wang.press("R", WORDS("requeue.many"), WORDS("dialog.many", n=2))
        group = wang.says_yes("hq")
        assert [len(ids) for ids in (one, two, three, dropped, group)] == [1, 2, 3, 1, 2]
        assert {"erp": one | two | three, "hq": dropped | group} == letters

        acts = [
            ("retries.recover", "wang", "", group),
            ("retries.discard", "wang", TOLD, dropped),
            ("retries.discard", "li", OUTDATED, three),
            ("retries.recover", "li", "", two),
            ("retry.requeue", "li", "", one),
        ]
        read = wang.reads_the_audit(set().union(*letters.values()))
        for deed, (what, who, why, ids) in zip(read[: len(acts)], acts, strict=True):
            assert WORDS.of("did", what) in deed
            assert f" uid:{os.getuid()}  {who}  socket " in deed
            assert (f'"reason": "{why}"' in deed) is bool(why)
            assert set(re.findall(r"dlv_\w+", deed)) == ids
        accounts = {"delivered": 5, "cancelled": 4, "dead_letter": 0}
        wait_until(lambda: accounts.items() <= shop.core.get("status")["webhooks"]["accounts"].items(), f"{accounts}")
