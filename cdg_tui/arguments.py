"""The command line: which flags there are, which of them go together, and whose core they name. Asks no core, starts none."""

import argparse
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from cdg_tui.glyphs import GlyphMode
from cdg_tui.i18n import LANGUAGES, Language, language_of
from cdg_tui.session import Session, place_of
from cdg_tui.text import safe
from core.errors import EXIT_USAGE, ConfigError

_LAST_PORT: Final = 65535

_STATUS: Final = """\
Asks a core once how it stands and says it in a few lines. Needs no terminal, never starts a core.

exit code:
  0  all is well
  1  something needs a person: a critical or warning alarm that has not cleared; a cabinet with a fault, without
     data, with readings in doubt, or beyond a limit; dead letters; data that is not safe on disk or was damaged;
     anything else that the core calls a problem. A running alarm delay, a cabinet out of service and a cleared
     alarm that waits to be signed off are well.
  2  nobody knows: the core does not run, does not answer in time, refuses, is another version, or the command
     line or the configuration is wrong; one line on standard error says which
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all of the program does."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"cdg: {safe(message)}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Looked up only where somebody asks: a first frame doesn't wait for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"cdg {version('cold-display-guard')}\n")
        parser.exit()


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """`command` is None for the console. Ends the process for --help, --version and what can't be understood."""
    parser = _Parser(prog="cdg", description="The console of the guard.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    _add_core(parser, None)
    _add_console(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="[status]", help="say once how it stands, without a terminal"
    )
    status = commands.add_parser(
        "status", description=_STATUS, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    _add_core(status, argparse.SUPPRESS)  # what stands before the command holds too
    status.add_argument("--json", action="store_true", help="one JSON object, also where nobody knows")
    return parser.parse_args(argv)


def _add_console(parser: argparse.ArgumentParser) -> None:
    """What only the console has."""
    parser.add_argument("--glyphs", choices=list(GlyphMode), type=GlyphMode, help="characters of the screens")
    parser.add_argument(
        "--demo", action="store_true", help="simulated cabinets; needs no configuration, leaves nothing"
    )
    parser.add_argument(
        "--kiosk", action="store_true", help="read-only until an operator's PIN; no way out but a signal"
    )


def _add_core(parser: argparse.ArgumentParser, default: Any) -> None:
    """Which core, and in which language."""
    parser.add_argument("--config", type=Path, default=default, help="the configuration file")
    parser.add_argument("--data-dir", type=Path, default=default, help="the core's data directory")
    parser.add_argument("--lang", choices=LANGUAGES, default=default, help="language of what is shown")
    parser.add_argument("--url", default=default, help="manage API of a core far away, as https://HOST:PORT")
    parser.add_argument("--token-file", type=Path, default=default, help="file with the bearer token for --url")
    parser.add_argument(
        "--ca-file", type=Path, default=default, help="trust only these certificates (PEM) for --url, not the system's"
    )


def check_use(arguments: argparse.Namespace) -> None:
    """Raises ConfigError for flags that don't go together."""
    if arguments.demo and arguments.command is not None:
        raise ConfigError("--demo is a console's")
    if arguments.demo and (arguments.config or arguments.data_dir or arguments.url):
        raise ConfigError("--demo has its own configuration, directory and core")
    if arguments.url is not None and (arguments.config or arguments.data_dir):
        raise ConfigError("--url is far away: it has no --config and no --data-dir here")
    if arguments.kiosk and (arguments.demo or arguments.url or arguments.command is not None):
        raise ConfigError("--kiosk is a console's on the box itself: PINs are good only there")
    for flag in ("token_file", "ca_file"):
        if getattr(arguments, flag) is not None and arguments.url is None:
            raise ConfigError(f"--{flag.replace('_', '-')} goes with --url")


def far_away(arguments: argparse.Namespace) -> Session | None:
    """The core of --url, with its token and whom to trust; None where it is here. Raises ConfigError."""
    if arguments.url is None:
        return None
    url = _url(arguments.url)
    token = _token(arguments.token_file) if arguments.token_file is not None else None
    return Session(url=url, token=token, trust=_trust(url, arguments.ca_file))


def attached(arguments: argparse.Namespace) -> tuple[Session, Language]:
    """Whose core it is, whether it runs or not, and the language. Raises ConfigError."""
    if (far := far_away(arguments)) is not None:
        return far, language_of(arguments.lang, None, None, os.environ)
    place = place_of(arguments.config, arguments.data_dir)
    return Session(directory=place.directory), language_of(
        arguments.lang, None, place.device.get("language"), os.environ
    )


def _url(text: str) -> str:
    import httpx  # it decides what it takes

    try:
        url = httpx.URL(text)
        url.host.encode("idna")  # as the resolver will, which would stumble over it much later
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigError(f"--url is no address ({error})") from error
    if url.scheme not in {"http", "https"} or not url.host or (url.port or 0) > _LAST_PORT:
        raise ConfigError("--url is http:// or https://, then host and port")
    if url.userinfo:  # it would be sent in the token's place
        raise ConfigError("--url has no name and password in it: a token is given by --token-file")
    return text


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=path) from error
    except ValueError as error:
        raise ConfigError("is not a token", path=path) from error
    if not token.isprintable() or not token:
        raise ConfigError("is not a token", path=path)
    return token


def _trust(url: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """As the core trusts its endpoints: the system's authorities, or only what stands in the file."""
    if not url.lower().startswith("https:"):
        if ca_file is not None:
            raise ConfigError("--ca-file goes with https://")
        return None
    if ca_file is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a box's own certificate may stand in for an authority
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigError("holds no certificate in PEM form", path=ca_file) from error
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=ca_file) from error
    return context
