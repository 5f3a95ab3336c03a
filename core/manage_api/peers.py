"""Who is at the other end of the Unix socket, as the kernel says it. Decides nothing."""

import socket
import struct
from dataclasses import dataclass
from typing import Final

PEER: Final = "peer"  # the key in an ASGI scope's state; only the socket's protocol ever sets it

_SO_PEERGROUPS: Final = 59
_CREDENTIALS: Final = struct.Struct("iII")
_GROUPS_BYTES: Final = 1024  # getsockopt takes no more: 256 groups


@dataclass(frozen=True, kw_only=True)
class Peer:
    """`groups` are the supplementary ones; None where the kernel didn't tell."""

    uid: int
    gid: int
    groups: frozenset[int] | None = None


def read_peer(connection: socket.socket) -> Peer:
    _, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(uid=uid, gid=gid, groups=_groups(connection))


def _groups(connection: socket.socket) -> frozenset[int] | None:
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:
        return None
    return frozenset(struct.unpack(f"{len(raw) // 4}I", raw))
