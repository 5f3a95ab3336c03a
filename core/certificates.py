"""Puts a certificate and its key into a TLS context, and says what is wrong with the files."""

import ssl
from pathlib import Path

from core.errors import ConfigError
from core.settings import ManageApi


def show(context: ssl.SSLContext, certificate: str, key: str | None, *, names: tuple[str, str]) -> None:
    """`key` None means that it stands in the certificate's file. `names` are the two configuration keys.

    Raises ConfigError, which names the key, for files that can't be read or don't belong together.
    """
    of_certificate, of_key = names
    readable(certificate, of_certificate)
    named = of_certificate if key is None else of_key
    if key is not None:
        readable(key, named)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError as error:
        raise ConfigError(f"{certificate} holds no certificate in PEM form", key=of_certificate) from error
    try:
        # An empty password: else OpenSSL would ask the terminal for that of an encrypted key, and wait.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        problem = f"is not the key of {of_certificate}" if mismatch else "holds no key in PEM form without a password"
        raise ConfigError(f"{key or certificate} {problem}", key=named) from error


def readable(file: str, key: str) -> None:
    """Raises ConfigError where it isn't."""
    try:
        Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} can't be read ({getattr(error, 'strerror', error)})", key=key) from error


def door_context(door: ManageApi) -> ssl.SSLContext | None:
    """What the manage API shows on TCP, from TLS 1.2 on; None without a certificate. Raises ConfigError."""
    if door.tls_cert is None or door.tls_key is None:
        if door.tls_cert is not None:
            raise ConfigError("needs tls_key", key="tls_cert")
        if door.tls_key is not None:
            raise ConfigError("needs tls_cert", key="tls_key")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    show(context, door.tls_cert, door.tls_key, names=("tls_cert", "tls_key"))
    return context
