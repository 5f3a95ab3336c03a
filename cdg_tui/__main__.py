"""`cdg`: finds or starts the core, runs the console, and says how it ended; `cdg status` is told from here."""

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cdg_tui.arguments import check_use, far_away, parsed
from cdg_tui.glyphs import GlyphMode, drawn, mode_of, speakable
from cdg_tui.i18n import Language, Words, language_of
from cdg_tui.session import Place, Session, open_demo, open_session, place_of
from cdg_tui.settings import Settings
from cdg_tui.settings_file import SettingsFile
from cdg_tui.surface import settle, speak_utf8, surface
from cdg_tui.terminal import TerminalGuard, is_terminal
from cdg_tui.text import NOTHING, safe
from core.errors import EXIT_FAILURE, EXIT_USAGE, ConfigError
from core.places import default_data_dir, user_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0, 1 failure, 2 configuration or use, 128 and its number after a signal; of a core that would not start
    its own. Of `cdg status` see there.
    """
    arguments = parsed(argv)
    if arguments.command == "status":
        from cdg_tui.status import show_status  # it asks by HTTP, which a console's first frame doesn't wait for

        return show_status(arguments)
    if not is_terminal():
        _tell("cdg: needs a terminal for its input and its standard error")
        return EXIT_USAGE
    # Whatever a library has to say, it must not say it into the picture.
    logging.getLogger().addHandler(logging.NullHandler())
    for name in [name for name in os.environ if name.startswith("TEXTUAL") and name != "TEXTUAL_COLOR_SYSTEM"]:
        del os.environ[name]  # a developer's switches, which draw, press or leave by themselves
    try:
        file = SettingsFile(user_settings())
        chosen = file.read().settings
        session, configured, own = _open(arguments, chosen)
        language = language_of(arguments.lang, chosen.language, configured, os.environ)
        automatic = language_of(None, None, configured, os.environ)
        return _run(session, language, file, automatic, own=own, wanted=arguments.glyphs)
    except ConfigError as error:
        _tell(f"cdg: {error}")
        return error.exit_code
    except OSError as error:
        _tell(f"cdg: {error.filename or 'the system'}: {error.strerror or error}")
        return EXIT_FAILURE
    except KeyboardInterrupt:  # before the first frame, or while a core is being stopped
        return 128 + signal.SIGINT


def _open(arguments: argparse.Namespace, chosen: Settings) -> tuple[Session, object, GlyphMode]:
    """The core, the language of its configuration, and what the terminal draws. Raises ConfigError."""
    check_use(arguments)
    far = far_away(arguments)
    place = None if arguments.demo or far is not None else place_of(arguments.config, arguments.data_dir)
    own = _own_glyphs(arguments.glyphs)
    if place is not None:
        return _here(place, kiosk=arguments.kiosk), place.device.get("language"), own
    if far is not None:
        return far, None, own
    language = language_of(arguments.lang, chosen.language, None, os.environ)
    return open_demo(speakable(language, arguments.glyphs or mode_of(chosen.glyphs, own))), None, own


def _here(place: Place, *, kiosk: bool) -> Session:
    if kiosk:  # whoever passes by must not end up with a core of his own
        return Session(directory=place.directory, kiosk=True)
    return open_session(place)


def _own_glyphs(wanted: GlyphMode | None) -> GlyphMode:
    """Asked only where there will be a screen: whoever typed something wrong is told so, and nothing else is written. Nor
    where somebody knows better.
    """
    where = surface(os.environ)
    speak_utf8()
    return wanted or settle(where)


def _run(
    session: Session,
    language: Language,
    file: SettingsFile,
    automatic: Language,
    *,
    own: GlyphMode = GlyphMode.UNICODE,
    wanted: GlyphMode | None = None,
) -> int:
    from cdg_tui.app import ConsoleApp  # after the checks: they need no screen library

    app = ConsoleApp(session, Words(language), file=file, automatic=automatic, own=own, wanted=wanted)
    if app.words.language != language:
        app.say(app.words("glyphs.no_han"))
    try:
        with TerminalGuard(app.leave_now) as guard:
            app.on_leaving = guard.hurry
            said = app.run()
    finally:
        if session.demo:
            _end_demo(session)
    code, words, glyphs = app.return_code or 0, app.words, app.glyphs
    for complaint in app.complaints:
        _tell(f"cdg: {complaint.told(words, file.shown)}", glyphs)
    if app.crash is not None:
        _tell(f"cdg: {words('exit.crash', file=_keep(app.crash) or NOTHING)}", glyphs)
    if app.last_words is not None:
        _tell(app.last_words, glyphs)
    if session.worker is not None and not session.demo and session.worker.ended is None:
        _part(session, words, glyphs, stop=said == "stop")
    return code


def _part(session: Session, words: Words, glyphs: GlyphMode, *, stop: bool) -> None:
    assert session.worker is not None
    if stop:
        _tell(words("exit.stopping"), glyphs)
        session.worker.stop()
        _tell(words("exit.stopped"), glyphs)
    else:
        _tell(words("exit.goes_on", pid=session.worker.pid, directory=session.directory), glyphs)


def _tell(text: str, glyphs: GlyphMode = GlyphMode.UNICODE) -> None:
    """One line to whoever is still there, and on the terminal that the console was on."""
    with contextlib.suppress(OSError):
        print(drawn(safe(text), glyphs), file=sys.stderr)


def _end_demo(session: Session) -> None:
    assert session.worker is not None
    assert session.directory is not None
    session.worker.stop()
    shutil.rmtree(session.directory.parent, ignore_errors=True)


def _keep(crash: str) -> Path | None:
    """Write down what went wrong, for support; None where nothing can be written."""
    with contextlib.suppress(OSError, ConfigError):
        path = default_data_dir().with_name("cold-display-guard-console.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(crash, encoding="utf-8")
        return path
    return None


if __name__ == "__main__":
    sys.exit(main())
