"""What an error of the transport says: the class of the failure, a sentence without URL or secret, and what it proves of our
own network.
"""

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Final

import httpx

from core.webhooks.deliveries import ErrorClass, Failed, Reach

_NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NO_NETWORK: Final = {errno.ENETUNREACH, errno.ENETDOWN}
_NOBODY: Final = {errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT}


def failure_of(error: Exception, synchronised: Callable[[], bool]) -> Failed:
    """`synchronised` tells whether the clock of this box can be trusted: a certificate that seems to have expired may not
    have.
    """
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            silent = cause.errno == socket.EAI_AGAIN
            return _failed(ErrorClass.DNS, _OF_NAMES[silent], Reach.DOWN if silent else Reach.SILENT)
        if isinstance(cause, ssl.SSLError):
            return _of_tls(cause, synchronised)
        if isinstance(cause, OSError) and (found := _of_network(cause)) is not None:
            return found
    if isinstance(error, httpx.ConnectTimeout):
        return _failed(ErrorClass.TIMEOUT, "no connection in time", Reach.SILENT)
    if isinstance(error, httpx.TimeoutException):
        return _failed(ErrorClass.TIMEOUT, "no answer in time")
    if isinstance(error, httpx.ProtocolError):
        ours = isinstance(error, httpx.LocalProtocolError)
        return _failed(ErrorClass.PROTOCOL, _OF_HTTP[ours])
    answered = any(isinstance(cause, ConnectionError) for cause in _causes(error))
    nobody = isinstance(error, httpx.ConnectError) and not answered
    sentence = _SENTENCES.get(type(error), "connection lost")
    return _failed(ErrorClass.CONNECT, sentence, Reach.SILENT if nobody else Reach.UP)


_OF_HTTP: Final = {True: "the request can't be put into HTTP", False: "the answer was no valid HTTP"}
_OF_NAMES: Final = {True: "no name server answers", False: "the host name can't be resolved"}
_SENTENCES: Final[dict[type[Exception], str]] = {
    httpx.ConnectError: "no connection",
    httpx.ReadError: "the connection ended without an answer",
    httpx.ProxyError: "the proxy refused",
    httpx.InvalidURL: "not a usable address",
}


def _failed(error_class: ErrorClass, error: str, reach: Reach = Reach.UP) -> Failed:
    return Failed(error_class=error_class, error=error, reach=reach)


def _of_tls(error: ssl.SSLError, synchronised: Callable[[], bool]) -> Failed:
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = getattr(error, "reason", None)  # one that Python made has none
        return _failed(ErrorClass.TLS, f"TLS failed: {reason or 'broken handshake'}")
    sentence = f"certificate refused: {error.verify_message}"
    if error.verify_code in {_EXPIRED, _NOT_YET_VALID} and not synchronised():
        return _failed(ErrorClass.CLOCK, sentence, Reach.CLOCK)
    if error.verify_code == _NOT_YET_VALID:  # by a clock that is right: somebody out there made it too early
        return _failed(ErrorClass.CLOCK, sentence)
    return _failed(ErrorClass.TLS, sentence)


def _of_network(error: OSError) -> Failed | None:
    if isinstance(error, ConnectionRefusedError):
        return _failed(ErrorClass.CONNECT, "connection refused")
    if error.errno in _NO_NETWORK:
        return _failed(ErrorClass.CONNECT, "the network is unreachable", Reach.DOWN)
    if error.errno in _NOBODY:
        return _failed(ErrorClass.CONNECT, "the host is unreachable", Reach.SILENT)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
