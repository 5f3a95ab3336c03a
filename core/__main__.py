"""`cdg-core`: argv -> serve | check-config | verify | backtest | export | token | operator. Parses, calls, prints; every
expected error is one line and a code.
"""

import argparse
import asyncio
import contextlib
import ctypes
import logging
import resource
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from core import __version__, config, places
from core.access_commands import add_access_commands
from core.clock import SystemClock
from core.errors import EXIT_FAILURE, ConfigError, CoreError
from core.logs import harmless, start_logging
from core.settings import LoadedSettings

_MMAP_THRESHOLD = -3  # mallopt's name for it
_LARGE_BYTES = 128 * 1024  # with which glibc begins


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0, 1 failure or something found, 2 configuration or use, 75 data directory held by another core."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except CoreError as error:
        print(f"cdg-core: {harmless(str(error))}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"cdg-core: {error.filename or 'the system'}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILURE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cdg-core", description="The guard without a screen.")
    parser.add_argument("--version", action="version", version=f"cdg-core {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="monitor, deliver, serve the manage API")
    serve.add_argument("--data-dir", type=Path, help="where journals and the socket are")
    serve.add_argument("--log", type=Path, metavar="FILE", help="log to this file, rotated, instead of standard error")
    serve.add_argument("--until-stdin-ends", action="store_true", help="stop when whoever started this is gone")
    serve.set_defaults(run=_serve)
    check = commands.add_parser("check-config", help="check the configuration and its secret files")
    check.set_defaults(run=_check)
    verify = commands.add_parser("verify", help="check the journals of a data directory, changing nothing")
    verify.add_argument("directory", type=Path, metavar="DIR")
    verify.set_defaults(run=_verify)
    trial = _add_backtest(commands)
    export = _add_export(commands)
    accesses = add_access_commands(commands)
    for command in (serve, check, trial, export, *accesses):
        command.add_argument("--config", type=Path, help="the configuration file")
    return parser


def _add_backtest(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    trial = commands.add_parser("backtest", help="judge a recording as the guard would have; 1 where there are cases")
    trial.add_argument("--cabinet", metavar="ID", required=True)
    source = trial.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, metavar="FILE", help="a header, a time column, oldest row first")
    source.add_argument("--history", action="store_true", help="what the box itself recorded, by the minutes' means")
    trial.add_argument("--sensor", metavar="ID", help="the temperature sensor, where the cabinet has several")
    trial.add_argument(
        "--column", metavar="[SENSOR=]NAME", action="append", default=[], help="its column; SENSOR=NAME for any other"
    )
    trial.add_argument("--time-column", metavar="NAME", help="ISO 8601, UTC; else the replay's, else time")
    trial.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="try another value of the cabinet's key"
    )
    _add_stretch(trial)
    trial.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    trial.set_defaults(run=_backtest)
    return trial


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    export = commands.add_parser("export", help="the record for inspection, or the plain minutes of the history")
    _add_stretch(export)
    export.add_argument(
        "--cabinet", action="append", default=[], metavar="ID", help="the record of this one; may be repeated"
    )
    export.add_argument("--all", action="store_true", help="the record of all cabinets")
    export.add_argument(
        "--sensor", action="append", default=[], metavar="ID", help="plain minutes of this one; may be repeated"
    )
    export.add_argument("--format", choices=["csv", "json", "pdf"], default="csv")
    export.add_argument("--font", type=Path, metavar="FILE", help="a font with Chinese, for a PDF")
    export.add_argument(
        "--check", type=Path, metavar="FILE", help="whether this record is what was exported; 1 where it is not"
    )
    export.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of standard output")
    export.set_defaults(run=_export)
    return export


def _add_stretch(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data-dir", type=Path, help="whose history")
    command.add_argument("--since", metavar="TIME", help="of the history; ISO 8601, UTC where no zone is given")
    command.add_argument("--until", metavar="TIME", help="of the history, up to before this time")


def _load(arguments: argparse.Namespace) -> LoadedSettings:
    return config.load(places.find_config(arguments.config))


def _serve(arguments: argparse.Namespace) -> int:
    from core.guard import Guard  # the other commands need neither HTTP nor sensors

    loaded = _load(arguments)
    directory = arguments.data_dir or loaded.data_dir or places.default_data_dir()
    start_logging(arguments.log)

    lifeline = _standard_input() if arguments.until_stdin_ends else None

    # A box that keeps many connections must not run out of what its sensors need.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _return_large_pieces()

    async def run() -> None:
        guard = Guard(loaded, directory, SystemClock())
        for hint in loaded.hints:
            logging.getLogger("core").warning(hint)
        await guard.run(lifeline)

    asyncio.run(run())
    return 0


def _return_large_pieces() -> None:
    """What callers who read slowly made the core hold goes back to the system when they have gone. glibc would take ever larger
    pieces from its heap, out of which it can give back none below the last one in use, once it has freed one so large;
    a threshold that is set stays (mallopt(3), M_MMAP_THRESHOLD). Other libraries have no such function, or do nothing.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def _standard_input() -> int:
    if sys.stdin is None:
        raise ConfigError("--until-stdin-ends needs a standard input")
    return sys.stdin.fileno()


def _check(arguments: argparse.Namespace) -> int:
    loaded = _load(arguments)
    settings = loaded.settings
    for hint in loaded.hints:
        print(f"hint: {hint}")
    print(
        f"{loaded.path}: ok — {len(settings.cabinets)} cabinets, {len(settings.sensors)} sensors, "
        f"{len(settings.sources)} sources, {len(settings.webhooks.endpoints)} endpoints"
    )
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """1 where something is damaged, or was and nobody has acknowledged it."""
    from core.verify import verify

    findings = verify(arguments.directory)
    for finding in findings:
        print(harmless(str(finding)))
    return 0 if all(finding.sound for finding in findings) else EXIT_FAILURE


def _backtest(arguments: argparse.Namespace) -> int:
    """1 where cases were found."""
    from core import backtest_csv, backtest_history
    from core.backtest_terms import table

    path = places.find_config(arguments.config)
    if arguments.history:
        _only(arguments, "--csv", "column", "time_column")
        since, until = _stretch(arguments)
        done = backtest_history.backtest(
            path,
            arguments.cabinet,
            _data_dir(arguments),
            since=since,
            until=until,
            sensor_id=arguments.sensor,
            tried=arguments.set,
        )
    else:
        _only(arguments, "--history", "data_dir", "since", "until")
        done = backtest_csv.backtest(
            path,
            arguments.cabinet,
            arguments.csv,
            columns=arguments.column,
            time_column=arguments.time_column,
            sensor_id=arguments.sensor,
            tried=arguments.set,
        )
    for note in done.notes:
        print(f"cdg-core: {harmless(note)}", file=sys.stderr)
    lines = [msgspec.json.encode(done.verdict).decode()] if arguments.json else table(done.verdict)
    print("\n".join(lines))
    return EXIT_FAILURE if done.verdict.cases else 0


def _only(arguments: argparse.Namespace, option: str, *others: str) -> None:
    """Refuse what goes with an option that isn't there: else it would do nothing, and nobody would know."""
    for name in others:
        if getattr(arguments, name):
            raise ConfigError(f"--{name.replace('_', '-')} goes with {option} only")


def _stretch(arguments: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    from core.export import moment

    since, until = (None if text is None else moment(text) for text in (arguments.since, arguments.until))
    return since, until


def _export(arguments: argparse.Namespace) -> int:
    from core.export import export, export_record
    from core.record.gathering import Asked

    if arguments.check is not None:
        return _check_record(arguments.check)
    since, until = _stretch(arguments)
    if arguments.all or arguments.cabinet:
        _only(arguments, "the plain minutes, not with --cabinet or --all,", "sensor")
        asked = Asked(cabinets=() if arguments.all else tuple(arguments.cabinet), since=since, until=until)
        clock = SystemClock()
        export_record(_data_dir(arguments), asked, arguments.format, clock, arguments.output, arguments.font)
        return 0
    if arguments.format == "pdf" or arguments.font:
        raise ConfigError("a PDF is a record: it goes with --cabinet or --all only")
    export(_data_dir(arguments), arguments.sensor, since, until, arguments.format, arguments.output)
    return 0


def _check_record(path: Path) -> int:
    from core.record.seal import check

    found = check(path)
    print(f"{path}: {'CHANGED, or cut off' if found is None else f'ok — sha256 {found}'}")
    return EXIT_FAILURE if found is None else 0


def _data_dir(arguments: argparse.Namespace) -> Path:
    """The given one needs no configuration; without one it is where a core with this configuration keeps it."""
    if arguments.data_dir is not None:
        return Path(arguments.data_dir)
    return _load(arguments).data_dir or places.default_data_dir()


if __name__ == "__main__":
    sys.exit(main())
