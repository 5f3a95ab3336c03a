"""Which core this console belongs to: one that runs, one that it starts, or one far away. Settled before the first frame."""

import errno
import os
import shutil
import socket
import ssl
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cdg_tui.worker import Worker, start_core, start_demo
from core.errors import ConfigError
from core.places import SOCKET, default_data_dir, find_config

if TYPE_CHECKING:
    from cdg_tui.client import Client

_LONGEST_ADDRESS: Final = 107  # sockaddr_un's sun_path without its NUL


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a core is or shall be: its configuration (None: there is none), its data directory, its `[device]` table."""

    config: Path | None
    directory: Path
    device: dict[str, Any]


@dataclass(kw_only=True)
class Session:
    """`worker` is what was started for this console, None where it only attached; `directory` None is far away: at `url`,
    where `trust` decides about certificates. A `kiosk` is open to whoever passes by.
    """

    directory: Path | None = None
    url: str | None = None
    token: str | None = None
    trust: ssl.SSLContext | None = None
    worker: Worker | None = None
    demo: bool = False
    kiosk: bool = False

    def client(self) -> "Client":
        """A client of this core. Imported here: the first frame doesn't wait for an HTTP library."""
        from cdg_tui.client import LOCAL_DEADLINE_S, Client

        if self.url is not None:
            return Client(self.url, token=self.token, trust=self.trust)
        assert self.directory is not None
        return Client("http://localhost", uds=socket_address(self.directory), deadline_s=LOCAL_DEADLINE_S)


def place_of(config: Path | None, directory: Path | None) -> Place:
    """From the command line, else the configuration, else the user's state directory.

    Raises ConfigError where there is neither a configuration nor a data directory, or where the file can't be read.
    """
    try:
        found = find_config(config).absolute()
        device = _device(found)
    except ConfigError:
        if directory is None:
            raise
        # A core may be running there all the same; if none is, starting one says what is wrong with the file.
        named = config.absolute() if config is not None else None
        return Place(config=named, directory=directory.absolute(), device={})
    if directory is None:
        directory = _data_dir(found, device)
    return Place(config=found, directory=directory.absolute(), device=device)


def _data_dir(config: Path, device: dict[str, Any]) -> Path:
    said = device.get("data_dir")
    if said is None:
        return default_data_dir()
    if not isinstance(said, str) or "\0" in said:  # another one's core must not be taken for this one's
        raise ConfigError("is no path", path=config, key="device.data_dir")
    try:
        return config.parent / Path(said).expanduser()
    except RuntimeError as error:
        raise ConfigError("names a home directory that doesn't exist", path=config, key="device.data_dir") from error


def _device(config: Path) -> dict[str, Any]:
    """Only what the console needs; the core checks the whole file."""
    try:
        device = tomllib.loads(config.read_text(encoding="utf-8")).get("device")
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", path=config) from error
    except ValueError as error:  # not TOML, not UTF-8
        raise ConfigError(str(error), path=config) from error
    return device if isinstance(device, dict) else {}


def open_session(place: Place) -> Session:
    """Attach to the core of this place, or start one. Raises ConfigError where neither can be."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)  # a core that hangs takes no more callers, and nobody waits for it here
            probe.connect(socket_address(place.directory))
    except PermissionError as error:
        raise ConfigError("belongs to another user, who has not let you in", path=place.directory) from error
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR}:
            return Session(directory=place.directory)  # somebody is there, and busy
        config = place.config if place.config is not None else find_config(None).absolute()
        _make_reachable(place.directory)
        return Session(directory=place.directory, worker=start_core(config, place.directory))
    return Session(directory=place.directory)


def open_demo(language: str) -> Session:
    """A shop that exists only here, in a directory of its own that goes with it."""
    directory = Path(tempfile.mkdtemp(prefix="cdg-demo-"))
    try:
        _make_reachable(directory / "data")
        return Session(directory=directory / "data", worker=start_demo(directory, language), demo=True)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _make_reachable(directory: Path) -> None:
    """The way round a long path begins at the directory, which a core that is only starting has not made yet."""
    if _too_long(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _too_long(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET)) > _LONGEST_ADDRESS


def socket_address(directory: Path) -> str:
    """Where to connect; a way round where the path does not fit into an address. Raises OSError where there is none."""
    if not _too_long(directory):
        return str(directory / SOCKET)
    # Never closed: the address is good only as long as this descriptor is.
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{descriptor}/{SOCKET}"
