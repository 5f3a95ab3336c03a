"""The OpenAPI 3.1 document, made from the route table alone, so that it can't differ from what is served."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from core.manage_api.codes import MEANINGS
from core.manage_api.decoding import JSON, MERGE_PATCH
from core.manage_api.examples import Example, exemplified
from core.manage_api.problems import MEDIA_TYPE, REQUEST_ID
from core.manage_api.table import MergePatch, Nothing, Route
from core.wire import ProblemDetails

Json = dict[str, Any]
Codes = Mapping[int, tuple[str, ...]]

DOCUMENT_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"
PROBLEM_CODES: Final = "x-problem-codes"

_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "On TCP every route but the health checks wants a bearer token; on the Unix socket the caller's uid is the login. "
    "Each scope includes those before it: read, operate, admin (`x-scope`). Times are UTC with Z, durations end in `_s` "
    "and are seconds. Readers must ignore members and values that they don't know: new ones may join, none is renamed.\n\n"
    "Errors are problem+json (RFC 9457) with a stable `code`: `x-codes` of an answer lists those that it can have, "
    f"`{PROBLEM_CODES}` says what each means. Examples were recorded from a running core."
)
_DATE_TIME: Final = (
    r"^[1-9]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-9]))"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$"
)
_REQUEST_ID: Final = {
    "description": "Names this request in the core's log and audit.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
_MERGE_PATCH: Final = {
    "type": "object",
    "additionalProperties": True,
    "description": "A JSON merge patch (RFC 7396): what is given is changed, null takes away, what is not there stays.",
}
# Refusals that don't depend on the route's own rules.
_EVERYWHERE: Final[Codes] = {
    400: ("malformed_request",),
    403: ("foreign_origin",),
    421: ("foreign_host",),
    422: ("invalid_parameter",),
    500: ("internal_error",),
    503: ("shutting_down",),
}
_LOGIN: Final[Codes] = {
    401: ("unauthorized", "token_expired", "token_revoked", "operator_locked"),
    403: ("insufficient_scope",),
}
_WITH_BODY: Final[Codes] = {400: ("invalid_json",), 413: ("body_too_large",), 415: ("unsupported_media_type",)}
_WITH_VARIABLE: Final[Codes] = {404: ("not_found",)}
_OFF_THE_TABLE: Final[Codes] = {404: ("not_found",), 405: ("method_not_allowed",)}  # of no operation


def document(routes: Sequence[Route], version: str, examples: Mapping[str, Example] | None = None) -> Json:
    """The whole document, with `examples` by operationId. Raises ValueError where two routes would share an operationId,
    or two structs a name.
    """
    schemas, components = _schemas(routes)
    paths: dict[str, Json] = {}
    names: set[str] = set()
    for route in routes:
        name = _operation_id(route)
        if name in names:
            raise ValueError(f"two routes named {name}")
        names.add(name)
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, components)
    paths[DOCUMENT_PATH] = {"get": _page("get_openapi", "This document", {JSON: {"schema": {"type": "object"}}})}
    paths[DOCS_PATH] = {
        "get": _page("get_docs", "This document to read", {"text/html": {"schema": {"type": "string"}}})
    }
    shown = {kind for route in routes for kind in (route.body, route.answer)}
    for parameters in {kind for route in routes for kind in (route.query, route.headers)} - shown | {Nothing}:
        components.pop(_name_of(schemas[parameters]), None)  # its fields stand as parameters
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Cold display guard: manage API", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": {REQUEST_ID: _REQUEST_ID},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        PROBLEM_CODES: _problem_codes(routes),
    }
    # Through JSON and back, since defaults may hold tuples and enums.
    return exemplified(_plain(msgspec.json.decode(msgspec.json.encode(whole))), examples or {})


def _plain(whole: Json) -> Json:
    """What a foreign reader stumbles over is made simple: enums stand where they are used, since two may share a name with
    each other or with a struct, and structs have names without their module.
    """
    schemas: Json = whole["components"]["schemas"]
    short = {name: name.rpartition(".")[2] for name, schema in schemas.items() if "enum" not in schema}
    for name, count in Counter(short.values()).items():
        if count > 1:
            raise ValueError(f"two structs named {name}")
    whole["components"]["schemas"] = {short[name]: schemas[name] for name in short}
    meant = {
        _REF.format(name=name): {"$ref": _REF.format(name=short[name])} if name in short else schema
        for name, schema in schemas.items()
    }
    plain: Json = _simple(whole, meant)
    return plain


def _simple(part: Any, meant: Mapping[str, Json]) -> Any:
    match part:
        case list():
            return [_simple(one, meant) for one in part]
        case {"$ref": str(target), **beside} if target in meant:
            return {**meant[target], **beside}
        case {"format": "date-time"}:
            # In OpenAPI 3.1 a `format` is only a remark, so that what a date must look like is said as a pattern too.
            return {**part, "pattern": _DATE_TIME}
        case dict():
            return {key: _simple(value, meant) for key, value in part.items()}
    return part


def _schemas(routes: Sequence[Route]) -> tuple[dict[type, Json], dict[str, Json]]:
    kinds: list[type] = [ProblemDetails]
    for route in routes:
        kinds += [kind for kind in (route.answer, route.query, route.headers, route.body) if kind not in kinds]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    if any(route.merge_patch for route in routes):
        components[MergePatch.__name__] = _MERGE_PATCH
    return dict(zip(kinds, schemas, strict=True)), components


def _name_of(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _operation(route: Route, schemas: dict[type, Json], components: dict[str, Json]) -> Json:
    variables = re.findall(r"\{([^}]+)\}", route.path)
    query, headers = (components[_name_of(schemas[kind])] for kind in (route.query, route.headers))
    text: Json = {"schema": {"type": "string"}}
    good = {route.media_type: {"schema": schemas[route.answer]}} | dict.fromkeys(route.other_media_types, text)
    operation: Json = {
        "operationId": _operation_id(route),
        "tags": [_tag(route.path)],
        "summary": route.summary,
        "x-scope": route.scope.name.lower(),
        "parameters": [_path_parameter(name) for name in variables]
        + _parameters("query", query)
        + _parameters("header", headers),
        "responses": {str(status): _answer(status, good) for status in route.statuses} | _errors(_refusals(route)),
        "security": [{"bearer": []}] if route.scope else [],
    }
    told = [str(one.get("description", "")) for one in (query, headers) if one.get("properties")]
    if any(told):
        operation["description"] = "\n\n".join(filter(None, told))
    if body := _request_body(route, schemas):
        operation["requestBody"] = body
    return operation


def _operation_id(route: Route) -> str:
    return "_".join((route.method.lower(), *_words(route.path)))


def _tag(path: str) -> str:
    return _words(path)[0] if path.startswith("/api/manage/") else "box"


def _words(path: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api/manage"))


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
    if route.merge_patch:
        # JSON is taken too, but is not told: generated clients stumble over two media types of one schema.
        patch = {"$ref": _REF.format(name=MergePatch.__name__)}
        return {"required": True, "content": {MERGE_PATCH: {"schema": patch}}}
    return {"required": not route.body_optional, "content": {JSON: {"schema": schemas[route.body]}}}


def _refusals(route: Route) -> Codes:
    sources: list[Codes] = [_EVERYWHERE, route.refusals]
    sources += [_LOGIN] if route.scope else []
    sources += [_WITH_BODY] if route.method != "GET" else []
    sources += [_WITH_VARIABLE] if "{" in route.path else []
    return _together(sources)


def _together(sources: Sequence[Codes]) -> Codes:
    return {
        status: tuple(sorted({code for source in sources for code in source.get(status, ())}))
        for status in sorted({status for source in sources for status in source})
    }


def _problem_codes(routes: Sequence[Route]) -> Json:
    """Every code with what it means and the statuses it comes with."""
    known = _together([_OFF_THE_TABLE, _EVERYWHERE, _LOGIN, _WITH_BODY, *(route.refusals for route in routes)])
    pairs = sorted((code, status) for status, codes in known.items() for code in codes)
    return {
        code: {"meaning": MEANINGS.get(code, ""), "statuses": [status for one, status in pairs if one == code]}
        for code, _ in pairs
    }


def _errors(refusals: Codes) -> Json:
    problem = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name=ProblemDetails.__name__)}}}
    return {
        str(status): {**_answer(status, problem, ", ".join(codes)), "x-codes": list(codes)}
        for status, codes in refusals.items()
    }


def _answer(status: int, content: Json, note: str = "") -> Json:
    phrase = HTTPStatus(status).phrase
    described = {
        "description": f"{phrase}: {note}" if note else phrase,
        "headers": {REQUEST_ID: {"$ref": f"#/components/headers/{REQUEST_ID}"}},
    }
    return described if status == HTTPStatus.NOT_MODIFIED else {**described, "content": content}


def _page(name: str, summary: str, content: Json) -> Json:
    return {
        "operationId": name,
        "tags": ["box"],
        "summary": summary,
        "x-scope": "read",
        "responses": {"200": _answer(200, content)} | _errors(_together([_EVERYWHERE, {401: _LOGIN[401]}])),
        "security": [{"bearer": []}],
    }
