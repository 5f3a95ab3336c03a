"""`python -m cdg_tui.demo.host DIR LANGUAGE`: receiver and core of a demo, for as long as standard input stays open.

Whoever started it holds the other end: when that is closed, or its holder killed, everything here ends, DIR too. So it
does when the core ends: a demo whose shop is gone shows nothing.
"""

import base64
import os
import secrets
import select
import shutil
import signal
import string
import subprocess
import sys
from pathlib import Path
from typing import Final

from cdg_tui.demo.receiver import Receiver
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.worker import serving

STOP_S: Final = 10.0
SPEED: Final = 60  # of the shop's time; its name says so, or times on the screens contradict the clock beside them
LOOK_EVERY_S: Final = 0.5
NAMES: Final = ("site", "drinks", "dairy", "frozen", "deli", "fish", "ice", "hq", "region")


def main() -> int:
    directory = Path(sys.argv[1])
    language = next(one for one in LANGUAGES if one == sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    receiver = Receiver()
    try:
        config = directory / "config.toml"
        config.write_text(shop(language, receiver.port), encoding="utf-8")
        return _run_core(config, directory / "data")
    finally:
        receiver.close()
        shutil.rmtree(directory, ignore_errors=True)


def shop(language: Language, port: int) -> str:
    """The configuration, its names in this language."""
    words = Words(language)
    template = string.Template(Path(__file__).with_name("shop.toml").read_text(encoding="utf-8"))
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    names = {name: words(f"demo.{name}", speed=SPEED) for name in NAMES}
    return template.substitute(names, language=language, port=port, secret=secret, speed=SPEED)


def _run_core(config: Path, data: Path) -> int:
    """Until nobody holds our standard input any more; the core holds on to us in the same way. Its exit code."""
    core = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "core", *serving(config, data), "--until-stdin-ends"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd="/",
    )
    assert core.stdin is not None
    try:
        while core.poll() is None and not _abandoned():
            pass
    finally:
        core.stdin.close()
        try:
            core.wait(STOP_S)
        except subprocess.TimeoutExpired:
            core.kill()
            core.wait()
    return core.returncode


def _abandoned() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], LOOK_EVERY_S)
    return bool(readable) and not os.read(sys.stdin.fileno(), 4096)


if __name__ == "__main__":
    sys.exit(main())
