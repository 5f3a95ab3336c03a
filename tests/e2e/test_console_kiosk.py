"""A kiosk in a real terminal over a real core: it reads only until a PIN, what is done then is the operator's, and it locks again."""

import re
import shutil
import signal
from pathlib import Path

import pytest

from cdg_tui.i18n import Words
from tests.e2e.conftest import json_lines, wait_until
from tests.e2e.shops import MEASURED, Shop, a_shop
from tests.e2e.terminals import Pty, Window
from tests.e2e.test_access import PIN, run

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
    pytest.mark.requirement(22, 25),
]


def a_kiosk(shop: Shop) -> Window:
    """Over a core that runs: it would start none."""
    assert run(shop.core, "operator", "add", "li", given=f"{PIN}\n").returncode == 0
    shop.measure(4.2)
    shop.core.start()
    return shop.window(*shop.command, "--kiosk")


def bells(terminal: Pty) -> int:
    """Those that sound: the same byte ends a command to the terminal, too."""
    return re.sub(rb"\x1b\][^\x07\x1b]*\x07", b"", bytes(terminal.written)).count(b"\x07")


def test_a_kiosk_is_unlocked_by_a_pin_and_the_audit_names_the_operator(tmp_path: Path) -> None:
    words = Words("zh")
    with a_shop(tmp_path, MEASURED) as shop:
        console = a_kiosk(shop)
        console.shows(words("link.live"), words("access.pin"))
        shop.measure(9.4)
        console.shows("!!新严重报警 03 鲜奶柜 高温报警 9.4")
        console.keys("2")
        console.hides("!!新严重报警")
        console.keys("A")
        console.shows(words("access.read_only"))
        console.keys("u")
        console.shows(words("unlock.title"), "1 li")
        console.keys("111111", "Enter")
        console.shows(words("cause.wrong_pin"), words("link.live"))
        console.keys(PIN, "Enter")
        console.shows(words("access.unlocked", who="li")[:7], "li 4:")
        console.keys("A")
        console.shows(words("acknowledge.title"), words("dialog.as", who="li"))
        console.keys("Y")
        console.shows(words("handling.acknowledged"))
        console.keys("q")
        console.shows(words("lock.keys"), "SH-0412")
        console.keys("x")
        console.shows(words("access.pin"))
        console.keys("D")
        console.shows(words("access.read_only"))
        assert console.code is None

        def deeds() -> dict[str, str]:
            return {line["d"]["what"]: line["d"]["actor"] for line in json_lines(shop.core.data / "audit.jsonl")}

        wait_until(lambda: "operator.lock" in deeds(), "it is locked in the core too")
        assert deeds()["case.acknowledge"] == "operator:li"
        kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert not [text for text in kept if PIN.encode() in text]


def test_a_new_critical_case_rings_once_and_only_a_signal_ends_a_kiosk(tmp_path: Path) -> None:
    """Which starts no core of its own, and finds the one that comes."""
    with a_shop(tmp_path, MEASURED) as shop:
        shop.measure(4.2)
        kiosk = shop.on_pty(*shop.command, "--kiosk")
        kiosk.shows(Words("zh")("cause.no_socket"))
        assert shop.cores == []
        shop.core.start()
        kiosk.shows("鲜奶柜")
        assert bells(kiosk) == 0
        shop.measure(9.4)
        kiosk.shows("新严重报警")
        for key in ("q", "\x11", "\x03", "\x04", "q"):
            kiosk.press(key, "")
        kiosk.press("x", "")
        shop.assert_guarded(2.0)
        assert kiosk.process.poll() is None
        assert bells(kiosk) == 1
        kiosk.signal(signal.SIGTERM)
        assert kiosk.ends() == 128 + signal.SIGTERM
