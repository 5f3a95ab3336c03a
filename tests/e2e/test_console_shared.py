"""One core and three who act on it: a console at its socket, a console by TCP, and headquarters by the API alone. What one of them
does the others see, within two seconds.
"""

import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from cdg_tui.i18n import Words
from cdg_tui.sentry import DELIBERATE_S
from tests.e2e.conftest import ROOT, free_port, listens, wait_until
from tests.e2e.shops import NIGHT, Shop, a_shop
from tests.e2e.terminals import CDG, Window

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

WORDS: Final = Words("zh")
SEEN_S: Final = 2.0
CASES: Final = 3
DRAINING: Final = WORDS("drain.elsewhere").partition("{")[0]


@contextlib.contextmanager
def nobody_answers(shop: Shop) -> Iterator[None]:
    """Headquarters takes every call, and says nothing."""
    with socket.create_server(("127.0.0.1", shop.ports["receiver"])):
        yield


class Headquarters:
    """The API by TCP, with a token."""

    def __init__(self, port: int, token: str):
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/manage/", headers=headers, trust_env=False)

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, body: dict[str, object]) -> float:
        """When it was answered."""
        self._client.post(path, json=body).raise_for_status()
        return time.monotonic()

    def close(self) -> None:
        self._client.close()


class Seen:
    """When others see what one has done: seconds from the answer to it, and how long just then a plain client waits for the
    status. Waits long, so that a busy machine fails nothing; nor does one that was busy for some of these times.
    """

    def __init__(self, plain: Headquarters) -> None:
        self._plain = plain
        self._took_s: list[tuple[float, float, str]] = []

    def on(self, what: str, window: Window, text: str, *, since_s: float) -> None:
        window.shows(text)
        seen_s = time.monotonic()
        self._plain.get("status")
        self._took_s.append((seen_s - since_s, time.monotonic() - seen_s, what))

    def __str__(self) -> str:
        return "\n".join(
            f"{what:32}{1000 * took_s:6.0f} ms{1000 * plain_s:6.0f} ms" for took_s, plain_s, what in self._took_s
        )

    @property
    def mostly_s(self) -> float:
        """Beyond what a plain client waits: the median. A console that asked every fifth second would have more than two."""
        return statistics.median(took_s - plain_s for took_s, plain_s, _ in self._took_s)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def shop(tmp_path: Path, port: int) -> Iterator[Shop]:
    """With a case in each cabinet, and of each a letter that nobody takes."""
    with a_shop(tmp_path, f'{NIGHT}\n[manage_api]\nlisten = "127.0.0.1:{port}"\n') as shop:
        shop.measure(9.4, drinks=9.4, frozen=-9.4)
        for name in ("far", "api"):
            add = ("token", "add", name, "--scope", "operate", "--config", str(shop.core.config))
            command = (sys.executable, "-m", "core", *add)
            told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
            (tmp_path / name).write_text(told.split()[-1])
        shop.core.start()
        wait_until(lambda: listens(socket.AF_INET, ("127.0.0.1", port)), "the door is open")
        wait_until(lambda: shop.core.get("status")["webhooks"]["pending"] == CASES, "a letter of each case")
        yield shop


def a_console(shop: Shop, name: str, *command: str) -> Window:
    """On its list of cases."""
    window = shop.window(*command, LOGNAME=name)
    window.shows(WORDS("link.live"))
    window.keys("2")
    window.shows(f"{WORDS('page.cases')} 1/{CASES}", WORDS("handling.new"))
    return window


def press(window: Window, key: str, *shown: str) -> float:
    """When that was shown."""
    time.sleep(2 * DELIBERATE_S)
    window.keys(key)
    window.shows(*shown)
    return time.monotonic()


@pytest.mark.requirement(24)
def test_consoles_and_headquarters_see_what_the_others_do_within_2_s(shop: Shop, port: int) -> None:
    """Acknowledged here and far away, handled by headquarters; a drain of headquarters and one of a console, each of which takes
    as long as nobody answers it.
    """
    there = (*CDG, "--lang", "zh", "--url", f"http://127.0.0.1:{port}", "--token-file", str(shop.directory / "far"))
    here, far = a_console(shop, "li"), a_console(shop, "wang", *there)
    press(far, "G", f"{WORDS('page.cases')} {CASES}/{CASES}")
    with contextlib.closing(Headquarters(port, (shop.directory / "api").read_text())) as api:
        seen = Seen(api)
        for who, acts, looks in (("li", here, far), ("wang", far, here)):
            press(acts, "A", WORDS("dialog.yes"))
            done_s = press(acts, "Y", WORDS("acknowledge.done", who=who))
            seen.on("the other console", looks, f"{WORDS('handling.acknowledged')} {who}", since_s=done_s)
            assert [case for case in api.get("cases")["items"] if (case["actor"] or "").startswith(f"{who} (")]
        (left,) = [case for case in api.get("cases")["items"] if case["handling"] == "new"]
        done_s = api.post(f"cases/{left['case_id']}/handle", {"by": "zhao", "action": "called"})
        for where, console in (("here", here), ("far", far)):
            seen.on(f"handled, {where}", console, f"{WORDS('handling.actioned')} zhao", since_s=done_s)

        with nobody_answers(shop):
            done_s = api.post("webhooks/retries/drain", {"only_due": False, "time_budget_s": 0, "by": "zhao"})
            for where, console in (("here", here), ("far", far)):
                seen.on(f"headquarters drains, {where}", console, DRAINING, since_s=done_s)
            press(here, "D", WORDS("drain.whose", who="zhao (token:api)"))
        for console in (here, far):
            console.hides(DRAINING)
        with nobody_answers(shop):
            press(far, "D", WORDS("dialog.yes"))
            done_s = press(far, "Y", WORDS("drain.keys"))
            (drain,) = [one for one in api.get("webhooks/drains")["items"] if one["running"]]
            assert drain["actor"] == "wang (token:far)"
            seen.on("the far one drains, here", here, DRAINING, since_s=done_s)
    print(f"\n{seen}")
    assert seen.mostly_s < SEEN_S, f"\n{seen}"
