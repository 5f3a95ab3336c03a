"""Turns refusals into answers after RFC 9457. Neither what the caller sent nor an exception ever shows in one."""

import secrets
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from core.errors import RefusalError
from core.wire import FieldError, ProblemDetails

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "x-request-id"  # the header of every answer


class RequestError(RefusalError):
    """A request that HTTP, the permissions or the schema forbid; `headers` go into the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(status, code, detail, errors=errors)
        self.headers = dict(headers or {})


def invalid(*errors: FieldError) -> RequestError:
    return RequestError(422, "invalid_parameter", "The request does not fit the schema.", errors=errors)


def unauthorized(code: str, detail: str) -> RequestError:
    """401, with the header that goes with it in HTTP."""
    return RequestError(401, code, detail, headers={"www-authenticate": "Bearer"})


def new_request_id() -> str:
    """What ties an answer to the core's log and to the audit."""
    return secrets.token_hex(8)


def malformed() -> RequestError:
    """What is no HTTP/1.1, or has too large a head."""
    return RequestError(
        400, "malformed_request", "This is no HTTP request, or its head is too large.", headers={"connection": "close"}
    )


def problem_answer(refusal: RefusalError, request_id: str) -> Response:
    """The one form of every error."""
    extra = refusal.headers if isinstance(refusal, RequestError) else {}
    details = ProblemDetails(
        type="about:blank",
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        errors=refusal.errors,
        drain_id=refusal.drain_id,
        request_id=request_id,
    )
    return Response(
        msgspec.json.encode(details),
        refusal.status,
        {"cache-control": "no-store", REQUEST_ID: request_id, **extra},
        media_type=MEDIA_TYPE,
    )
