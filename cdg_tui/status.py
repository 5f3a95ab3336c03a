"""`cdg status`: asks a core once and writes down how it stands, as text or as one JSON object, for pipes, cron and ssh."""

import argparse
import asyncio
import contextlib
import io
import json
import os
import signal
import sys
from pathlib import Path

from cdg_tui.arguments import attached, check_use
from cdg_tui.calls import unreachable
from cdg_tui.clock import steady
from cdg_tui.errors import ClientError, LostError
from cdg_tui.feed import answer_or_why
from cdg_tui.i18n import Language, Words, language_of
from cdg_tui.session import Session
from cdg_tui.summary import EXIT_CODES, Health, Told, document, health, lines, unknown_document
from cdg_tui.text import safe
from core.errors import ConfigError


def show_status(arguments: argparse.Namespace) -> int:
    """The exit code: 0 all well, 1 something needs a person, 2 nobody knows, which is said on standard error. After an
    interrupt 128 and its number.
    """
    language = language_of(arguments.lang, None, None, os.environ)
    try:
        check_use(arguments)
        session, language = attached(arguments)
        told = asyncio.run(ask(session))
    except ClientError as error:
        words = _words(arguments, language)
        why = error.told(words)
        return _unknown(arguments, error.cause, words("status.unknown", where=_place(session), why=why))
    except ConfigError as error:
        return _unknown(arguments, "configuration", str(error))
    except OSError as error:
        return _unknown(arguments, "system", f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    # JSON in ASCII, which every pipe carries.
    shown = json.dumps(document(told)) if arguments.json else "\n".join(lines(told, _words(arguments, language)))
    return EXIT_CODES[health(told)] if _write(shown) else EXIT_CODES[Health.UNKNOWN]


async def ask(session: Session) -> Told:
    """All within the client's one deadline. Raises ClientError."""
    try:
        client = session.client()
    except OSError as error:  # not even an address
        raise unreachable(error) from error
    try:
        async with asyncio.timeout(client.deadline_s):
            asked_s = steady()
            status = await client.status()
            took_s = steady() - asked_s
            cabinets = (await client.cabinets()).items
            cases = await client.open_cases()
            endpoints, _ = await answer_or_why(client.endpoints())
    except TimeoutError as error:
        raise LostError("timeout") from error
    finally:
        await client.close()
    items = None if endpoints is None else endpoints.items
    return Told(took_s=took_s, status=status, cabinets=cabinets, cases=cases, endpoints=items)


def _place(session: Session) -> str:
    return str(session.directory or session.url)


def _words(arguments: argparse.Namespace, language: Language) -> Words:
    """English where Chinese can't be written, unless somebody wants it all the same."""
    if arguments.lang is None and language == "zh":
        try:
            "中".encode(sys.stdout.encoding)
        except (UnicodeError, LookupError, AttributeError):  # AttributeError: it is closed
            return Words("en")
    return Words(language)


def _unknown(arguments: argparse.Namespace, cause: str, why: str) -> int:
    why = safe(why)
    if arguments.json:
        _write(json.dumps(unknown_document(cause, why)))
    _complain(why)
    return EXIT_CODES[Health.UNKNOWN]


def _write(text: str) -> bool:
    """Whether it could be written. A reader who has read enough and left is no trouble."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):  # closed by whoever started this
        return True
    stream.reconfigure(errors="replace")
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        # What is left in the buffer must not be tried again, and complained of, at the end.
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
        if isinstance(error, BrokenPipeError):
            return True
        _complain(f"standard output: {error.strerror}")
        return False
    return True


def _complain(text: str) -> None:
    if sys.stderr is None:  # closed by whoever started this; the answer's own stream is no place for it
        return
    with contextlib.suppress(OSError):
        print(f"cdg: {text}", file=sys.stderr)  # noqa: T201 - it has nothing else to say it with
