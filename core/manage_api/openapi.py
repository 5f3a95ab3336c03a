"""The OpenAPI 3.1 document, made from the route table alone, so that it can't differ from what is served."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from core.manage_api.decoding import JSON, MERGE_PATCH
from core.manage_api.problems import MEDIA_TYPE
from core.manage_api.table import Nothing, Route
from core.wire import ProblemDetails

Json = dict[str, Any]
Codes = Mapping[int, tuple[str, ...]]

DOCUMENT_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"

_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "On TCP every route but the health checks wants a bearer token; on the Unix socket the caller's uid is the login. "
    "Each scope includes those before it: read, operate, admin. Errors are problem+json with a stable code."
)
_DATE_TIME: Final = (
    r"^[1-9]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-9]))"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$"
)
# Refusals that don't depend on the route's own rules.
_EVERYWHERE: Final[Codes] = {
    403: ("foreign_origin",),
    421: ("foreign_host",),
    422: ("invalid_parameter",),
    500: ("internal_error",),
}
_LOGIN: Final[Codes] = {
    401: ("unauthorized", "token_expired", "token_revoked", "operator_locked"),
    403: ("insufficient_scope",),
}
_WITH_BODY: Final[Codes] = {400: ("invalid_json",), 413: ("body_too_large",), 415: ("unsupported_media_type",)}
_WITH_VARIABLE: Final[Codes] = {404: ("not_found",)}


def document(routes: Sequence[Route], version: str) -> Json:
    """The whole document. Raises ValueError where two routes would share an operationId."""
    schemas, components = _schemas(routes)
    paths: dict[str, Json] = {}
    names: set[str] = set()
    for route in routes:
        operation = _operation(route, schemas, components)
        if operation["operationId"] in names:
            raise ValueError(f"two routes named {operation['operationId']}")
        names.add(operation["operationId"])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    paths[DOCUMENT_PATH] = {"get": _page("get_openapi", "This document", {JSON: {"schema": {"type": "object"}}})}
    paths[DOCS_PATH] = {
        "get": _page("get_docs", "This document to read", {"text/html": {"schema": {"type": "string"}}})
    }
    for parameters in {kind for route in routes for kind in (route.query, route.headers)}:
        components.pop(_name_of(schemas[parameters]), None)  # its fields stand as parameters
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Cold display guard: manage API", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
    # Through JSON and back, since defaults may hold tuples and enums.
    plain: Json = _dated(msgspec.json.decode(msgspec.json.encode(whole)))
    return plain


def _dated(part: Any) -> Any:
    """In OpenAPI 3.1 a `format` is only a remark, so that what a date must look like is said as a pattern too."""
    if isinstance(part, list):
        return [_dated(one) for one in part]
    if not isinstance(part, dict):
        return part
    more = {"pattern": _DATE_TIME} if part.get("format") == "date-time" else {}
    return {key: _dated(value) for key, value in part.items()} | more


def _schemas(routes: Sequence[Route]) -> tuple[dict[type, Json], dict[str, Json]]:
    kinds: list[type] = [ProblemDetails]
    for route in routes:
        kinds += [kind for kind in (route.answer, route.query, route.headers, route.body) if kind not in kinds]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(zip(kinds, schemas, strict=True)), components


def _name_of(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _operation(route: Route, schemas: dict[type, Json], components: dict[str, Json]) -> Json:
    variables = re.findall(r"\{([^}]+)\}", route.path)
    text: Json = {"schema": {"type": "string"}}
    good = {route.media_type: {"schema": schemas[route.answer]}} | dict.fromkeys(route.other_media_types, text)
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "x-scope": route.scope.name.lower(),
        "parameters": [_path_parameter(name) for name in variables]
        + _parameters("query", components[_name_of(schemas[route.query])])
        + _parameters("header", components[_name_of(schemas[route.headers])]),
        "responses": {str(status): _answer(status, good) for status in route.statuses} | _errors(_refusals(route)),
        "security": [{"bearer": []}] if route.scope else [],
    }
    if body := _request_body(route, schemas):
        operation["requestBody"] = body
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.path.removeprefix("/api/manage"))
    return "_".join((route.method.lower(), *words))


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _parameters(place: str, schema: Json) -> list[Json]:
    required = schema.get("required", ())
    return [
        {"name": name, "in": place, "required": name in required, "schema": _without_null(kind)}
        for name, kind in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A parameter is there or not, and never null."""
    kept = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    if "anyOf" not in kept:
        return kept
    choices = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
    return {**kept, **choices[0]} if len(choices) == 1 else {**kept, "anyOf": choices}


def _request_body(route: Route, schemas: dict[type, Json]) -> Json | None:
    if route.method == "GET" or (route.body is Nothing and not route.merge_patch):
        return None
    schema = {"type": "object"} if route.merge_patch else schemas[route.body]
    types = (MERGE_PATCH, JSON) if route.method == "PATCH" else (JSON,)
    required = route.merge_patch or not route.body_optional
    return {"required": required, "content": {one: {"schema": schema} for one in types}}


def _refusals(route: Route) -> Codes:
    sources: list[Codes] = [_EVERYWHERE, route.refusals]
    sources += [_LOGIN] if route.scope else []
    sources += [_WITH_BODY] if route.method != "GET" else []
    sources += [_WITH_VARIABLE] if "{" in route.path else []
    return {
        status: tuple(sorted({code for source in sources for code in source.get(status, ())}))
        for status in sorted({status for source in sources for status in source})
    }


def _errors(refusals: Codes) -> Json:
    problem = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name=ProblemDetails.__name__)}}}
    answers = {str(status): _answer(status, problem, ", ".join(codes)) for status, codes in refusals.items()}
    # From the doors, whatever the route: text where uvicorn refuses the connection.
    note = ", ".join((*refusals.get(503, ()), "shutting_down, or too many callers"))
    busy = _answer(503, {**problem, "text/plain": {"schema": {"type": "string"}}}, note)
    return {**answers, "503": busy}


def _answer(status: int, content: Json, note: str = "") -> Json:
    phrase = HTTPStatus(status).phrase
    described = {"description": f"{phrase}: {note}" if note else phrase}
    return described if status == HTTPStatus.NOT_MODIFIED else {**described, "content": content}


def _page(name: str, summary: str, content: Json) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "x-scope": "read",
        "responses": {"200": _answer(200, content)} | _errors({**_EVERYWHERE, 401: _LOGIN[401]}),
        "security": [{"bearer": []}],
    }
