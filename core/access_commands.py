"""`cdg-core token` and `cdg-core operator`: who gets in, from the command line. They change the tokens file, and need no
running core; one that runs sees it within a second or two.
"""

import argparse
import getpass
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import get_args

from core import config, places
from core.clock import SystemClock
from core.errors import ConfigError
from core.settings import LoadedSettings
from core.wire_access import PIN_DIGITS, OperatorScope, TokenScope

# Long enough that a shop which nobody visits isn't cut off from headquarters in its first months, and an end to those that
# everybody forgot.
DEFAULT_DAYS = 365

_LONGEST_LINE = 1000


def add_access_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> list[argparse.ArgumentParser]:
    """Those that want a configuration."""
    return [*_add_token(commands), *_add_operator(commands)]


def _add_token(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    token = commands.add_parser("token", help="tokens for the manage API on TCP")
    actions = token.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token; it is the last word printed")
    add.add_argument("name")
    add.add_argument("--scope", choices=get_args(TokenScope), required=True)
    add.add_argument(
        "--days",
        type=_days,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"how long it is good: {DEFAULT_DAYS}; 0 is until it is revoked",
    )
    add.set_defaults(run=_token_add)
    listing = actions.add_parser("list", help="name, scope, made, good until, state of each token")
    listing.set_defaults(run=_token_list)
    revoke = actions.add_parser("revoke", help="end a token; a core that runs knows it within a second or two")
    revoke.add_argument("name")
    revoke.set_defaults(run=_token_revoke)
    return [add, listing, revoke]


def _add_operator(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    operator = commands.add_parser("operator", help="people with a PIN for the kiosk")
    actions = operator.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser(
        "add", help=f"asks for the PIN, {PIN_DIGITS}; where there is no terminal it is one line of input"
    )
    add.add_argument("name")
    add.add_argument("--scope", choices=get_args(OperatorScope), default="operate")
    add.set_defaults(run=_operator_add)
    listing = actions.add_parser("list", help="name, scope, made")
    listing.set_defaults(run=_operator_list)
    remove = actions.add_parser("remove", help="end his PIN and what he unlocked")
    remove.add_argument("name")
    remove.set_defaults(run=_operator_remove)
    return [add, listing, remove]


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or (days := int(text[:6])) > 36_500:
        raise argparse.ArgumentTypeError("a whole number of days, 0 to 36500")
    return days


def _loaded(arguments: argparse.Namespace) -> LoadedSettings:
    return config.load(places.find_config(arguments.config))


def _tokens_file(arguments: argparse.Namespace) -> Path:
    return _loaded(arguments).tokens_file


def _written(loaded: LoadedSettings) -> list[Path]:
    """What the core wrote, as far as it is found from here: it tells how late it is at least."""
    try:
        return list((loaded.data_dir or places.default_data_dir()).iterdir())
    except (ConfigError, OSError):
        return []


def _by() -> str:
    """Who runs this: behind sudo not root, but whoever became root by it."""
    behind = os.environ.get("SUDO_UID", "")
    return f"uid:{behind}" if os.getuid() == 0 and behind.isascii() and behind.isdigit() else f"uid:{os.getuid()}"


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _token_add(arguments: argparse.Namespace) -> int:
    from core.manage_api.table import Scope
    from core.manage_api.tokens import add_token

    path, scope, days = _tokens_file(arguments), Scope[arguments.scope.upper()], arguments.days
    token = add_token(path, arguments.name, scope, SystemClock(), days=days or None, by=_by())
    until = f"for {days} days" if days else "until it is revoked"
    print(f"{arguments.name} may {arguments.scope}, {until}; the token is shown only now: {token}")
    return 0


def _token_list(arguments: argparse.Namespace) -> int:
    from core.manage_api.expiry import Today
    from core.manage_api.tokens import list_tokens

    loaded = _loaded(arguments)
    today = Today(SystemClock(), (loaded.tokens_file, *_written(loaded)))
    for one in list_tokens(loaded.tokens_file, today.now()):
        print("\t".join((one.name, one.scope.name.lower(), _time(one.created), _time(one.expires), one.state)))
    return 0


def _token_revoke(arguments: argparse.Namespace) -> int:
    from core.manage_api.tokens import revoke_token

    revoke_token(_tokens_file(arguments), arguments.name, SystemClock(), by=_by())
    print(f"{arguments.name} is revoked")
    return 0


def _operator_add(arguments: argparse.Namespace) -> int:
    from core.manage_api.operators import add_operator
    from core.manage_api.table import Scope

    path, scope = _tokens_file(arguments), Scope[arguments.scope.upper()]
    add_operator(path, arguments.name, scope, _pin(), SystemClock(), by=_by())
    print(f"{arguments.name} may {arguments.scope} at the kiosk with this PIN")
    return 0


def _operator_list(arguments: argparse.Namespace) -> int:
    from core.manage_api.operators import list_operators

    for name, entry in list_operators(_tokens_file(arguments)).items():
        print("\t".join((name, entry.scope, _time(entry.created))))
    return 0


def _operator_remove(arguments: argparse.Namespace) -> int:
    from core.manage_api.operators import remove_operator

    remove_operator(_tokens_file(arguments), arguments.name)
    print(f"{arguments.name} is no operator any more")
    return 0


def _pin() -> str:
    if sys.stdin is None:
        raise ConfigError("the PIN is read from standard input, and there is none")
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline(_LONGEST_LINE).decode("ascii", "replace").rstrip("\r\n")
    pin = _asked("PIN: ")
    if _asked("the same again: ") != pin:
        raise ConfigError("the two PINs differ; nothing was changed")
    return pin


def _asked(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except (EOFError, KeyboardInterrupt) as error:
        raise ConfigError("no PIN was given; nothing was changed") from error
