"""What an endpoint of its own authorities or certificate trusts and shows under TLS."""

import ssl

from core.certificates import readable, show
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
        show(context, endpoint.client_cert, endpoint.client_key, names=("client_cert", "client_key"))
    return context


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    readable(ca_file, "ca_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # knows no authority yet
    # A receiver's own certificate may stand in for an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigError(f"{ca_file} holds no certificate in PEM form", key="ca_file") from error
    return context
