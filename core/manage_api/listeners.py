"""Makes the listening sockets of the two doors, and removes the file of one. Serves nothing."""

import asyncio
import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from core.errors import ConfigError

BACKLOG: Final = 1024  # a flood must not fill it: the kernel lets a caller that finds no place wait for a second
_VANISHED_MS: Final = 30_000
_PRIVATE: Final = 0o600
_SHARED: Final = 0o660


def listen_on_socket(path: Path, group: str) -> socket.socket:
    """A listening Unix socket of mode 0660. The caller holds the directory's lock, so that a file there is a stale one.

    Raises ConfigError for a group that can't be used, OSError where the file system refuses.
    """
    gid = _gid_of(group)
    remove_socket(path)
    with _short(path) as (address, directory):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The kernel makes the file with the socket's own mode, so it is never open to more than its owner, and the
            # umask, which belongs to all threads, stays untouched.
            os.fchmod(listener.fileno(), _PRIVATE)
            listener.bind(address)
            _hand_over(path.name, gid, group, directory)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    listener.setblocking(False)
    return listener


def remove_socket(path: Path) -> None:
    """Remove the socket's file; a file of another kind is left alone."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()


async def listen_on_tcp(listen: str) -> socket.socket:
    """A listening TCP socket on "host:port", "[::1]:8765" too. Raises OSError saying why not."""
    host, _, port = listen.rpartition(":")
    if int(port) > 0xFFFF:
        raise OSError(0, "there is no such port")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except UnicodeError as error:
        raise OSError(0, "not a host name") from error
    # A name may stand for both families; the shop's network is IPv4.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Its connections inherit it. Without it a body waits some 40 ms behind its head, for the caller's delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A caller whose line is gone would hold a stream's place for a quarter of an hour, as long as TCP sends again.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


@contextmanager
def _short(path: Path) -> Iterator[tuple[str, int]]:
    """An address that fits into sun_path's 108 bytes however long the path is, with the directory's descriptor."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}", directory
    finally:
        os.close(directory)


def _gid_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid if group else None
    except KeyError as error:
        raise ConfigError(f"there is no group {group}", key="access.group") from error


def _hand_over(name: str, gid: int | None, group: str, directory: int) -> None:
    """First the group, then its rights."""
    if gid is not None:
        try:
            os.chown(name, -1, gid, dir_fd=directory)
        except PermissionError as error:
            raise ConfigError(f"the core's user is not in the group {group}", key="access.group") from error
    os.chmod(name, _SHARED, dir_fd=directory)
