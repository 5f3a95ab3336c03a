"""What each error of the transport becomes: its class, and what it proves of our own network."""

import errno
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from core.webhooks.deliveries import ErrorClass, Failed, Reach
from core.webhooks.failures import failure_of

C, R = ErrorClass, Reach


def caused(error: httpx.HTTPError, cause: BaseException) -> httpx.HTTPError:
    error.__cause__ = cause
    return error


def connecting(number: int) -> httpx.HTTPError:
    return caused(httpx.ConnectError("x"), OSError(number, "x"))


def certificate(code: int) -> httpx.HTTPError:
    refused = ssl.SSLCertVerificationError(1, "x")
    refused.verify_code, refused.verify_message = code, "why"
    return caused(httpx.ConnectError("x"), refused)


@pytest.mark.parametrize(
    ("error", "error_class", "reach"),
    [
        (caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_AGAIN, "x")), C.DNS, R.DOWN),
        (caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NONAME, "x")), C.DNS, R.SILENT),
        (caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NODATA, "x")), C.DNS, R.SILENT),
        (connecting(errno.ENETUNREACH), C.CONNECT, R.DOWN),
        (connecting(errno.ENETDOWN), C.CONNECT, R.DOWN),
        (connecting(errno.EHOSTUNREACH), C.CONNECT, R.SILENT),
        (connecting(errno.ETIMEDOUT), C.CONNECT, R.SILENT),
        (connecting(errno.EADDRNOTAVAIL), C.CONNECT, R.SILENT),
        (connecting(errno.EMFILE), C.CONNECT, R.SILENT),
        (caused(httpx.ConnectError("x"), UnicodeError("x")), C.CONNECT, R.SILENT),
        (connecting(errno.ECONNREFUSED), C.CONNECT, R.UP),
        (connecting(errno.ECONNRESET), C.CONNECT, R.UP),
        (httpx.ConnectTimeout("x"), C.TIMEOUT, R.SILENT),
        (httpx.ReadTimeout("x"), C.TIMEOUT, R.UP),
        (httpx.PoolTimeout("x"), C.TIMEOUT, R.UP),
        (caused(httpx.ReadError("x"), ConnectionResetError(errno.ECONNRESET, "x")), C.CONNECT, R.UP),
        (caused(httpx.ReadError("x"), OSError(errno.EHOSTUNREACH, "x")), C.CONNECT, R.SILENT),
        (httpx.ReadError("x"), C.CONNECT, R.UP),
        (httpx.RemoteProtocolError("x"), C.PROTOCOL, R.UP),
        (httpx.LocalProtocolError("x"), C.PROTOCOL, R.UP),
        (httpx.ProxyError("x"), C.CONNECT, R.UP),
        (httpx.InvalidURL("x"), C.CONNECT, R.UP),
        (certificate(18), C.TLS, R.UP),
        (certificate(9), C.CLOCK, R.UP),
        (certificate(10), C.TLS, R.UP),
        (caused(httpx.ReadError("x"), ssl.SSLError(1, "x")), C.TLS, R.UP),
    ],
)
def test_an_error_becomes(error: Exception, error_class: ErrorClass, reach: Reach) -> None:
    """Class, and whether anybody out there has been heard."""
    found = failure_of(error, lambda: True)
    assert (found.error_class, found.reach) == (error_class, reach)
    assert found.error


@pytest.mark.parametrize("code", [9, 10])
def test_a_certificate_of_another_time_is_doubted_where_the_clock_is_not_set(code: int) -> None:
    """It is this box that may be in the wrong year."""
    found = failure_of(certificate(code), lambda: False)
    assert (found.error_class, found.reach) == (ErrorClass.CLOCK, Reach.CLOCK)


def every_error() -> Iterator[type[httpx.HTTPError]]:
    waiting: list[type[httpx.HTTPError]] = [httpx.TransportError]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        yield found


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_no_error_of_httpx_is_left_out(kind: type[httpx.HTTPError]) -> None:
    """And none of their own words, which may hold an address, comes along."""
    found = failure_of(kind("http://hq.example/?token=tok-SECRET"), lambda: True)
    assert isinstance(found, Failed)
    assert "SECRET" not in repr(found)
