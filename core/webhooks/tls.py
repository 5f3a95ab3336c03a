"""What an endpoint of its own authorities or certificate trusts and shows under TLS."""

import ssl
from pathlib import Path

from core.errors import ConfigError
from core.settings import Endpoint


def own_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """None for an endpoint that has nothing of its own: such ones share one context, for building one takes long.

    Raises ConfigError, which names the key, for files that can't be read or don't belong together.
    """
    if endpoint.client_key is not None and endpoint.client_cert is None:
        raise ConfigError("needs client_cert", key="client_key")
    if endpoint.ca_file is None and endpoint.client_cert is None:
        return None
    context = _trusting(endpoint.ca_file)
    if endpoint.client_cert is not None:
        _show(context, endpoint.client_cert, endpoint.client_key)
    return context


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    _readable(ca_file, "ca_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # knows no authority yet
    # A receiver's own certificate may stand in for an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigError(f"{ca_file} holds no certificate in PEM form", key="ca_file") from error
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    _readable(certificate, "client_cert")
    named = "client_cert" if key is None else "client_key"
    if key is not None:
        _readable(key, named)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError as error:
        raise ConfigError(f"{certificate} holds no certificate in PEM form", key="client_cert") from error
    try:
        # An empty password: else OpenSSL would ask the terminal for that of an encrypted key, and wait.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        problem = "is not the key of client_cert" if mismatch else "holds no key in PEM form without a password"
        raise ConfigError(f"{key or certificate} {problem}", key=named) from error


def _readable(file: str, key: str) -> None:
    try:
        Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} can't be read ({getattr(error, 'strerror', error)})", key=key) from error
