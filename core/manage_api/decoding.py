"""From bytes to the structs of a route: query text, headers and JSON bodies. Its errors never repeat what the caller sent."""

import math
import re
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, inspect, structs
from starlette.datastructures import Headers

from core.manage_api.problems import RequestError, invalid
from core.manage_api.table import MergePatch, Nothing, Route
from core.wire import FieldError

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"

_MESSAGE: Final = re.compile(r"^(?P<problem>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?P<kind>unknown|required) field `(?P<name>.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_INTEGER: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,39}))(?:\.0+)?")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")
_EXACT: Final = 2**53
_NAME_LENGTH: Final = 64
_SEQUENCES: Final = (inspect.VarTupleType, inspect.ListType, inspect.SetType, inspect.FrozenSetType)

AnyStruct = TypeVar("AnyStruct", bound=Struct)


class QueryReader:
    """Reads the query of one route; the types are looked up once."""

    def __init__(self, query: type[Struct]):
        self._query = query
        info = inspect.type_info(query)
        fields = info.fields if isinstance(info, inspect.StructType) else ()
        self._types = {one.encode_name: _alternatives(one.type) for one in fields}

    def read(self, query_string: bytes) -> Struct:
        """Raises RequestError 422 for an unknown parameter, one given twice, or one of the wrong type."""
        try:
            pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise invalid(FieldError(pointer="?", detail="not a query in UTF-8")) from error
        values: dict[str, Any] = {}
        for name, text in pairs:
            self._add(values, name, text)
        return _convert(values, self._query, "?")

    def _add(self, values: dict[str, Any], name: str, text: str) -> None:
        types = self._types.get(name)
        if types is None:
            raise invalid(FieldError(pointer=f"?{name[:_NAME_LENGTH]}", detail="unknown parameter"))
        items = next((one.item_type for one in types if isinstance(one, _SEQUENCES)), None)
        if items is not None:
            values.setdefault(name, []).append(_typed(text, _alternatives(items)))
        elif name in values:
            raise invalid(FieldError(pointer=f"?{name}", detail="given more than once"))
        else:
            values[name] = _typed(text, types)


class HeaderReader:
    """Reads the headers that one route declares, as text; all others stand for themselves."""

    def __init__(self, headers: type[Struct]):
        self._headers = headers
        self._names = [one.encode_name for one in structs.fields(headers)]

    def read(self, headers: Headers) -> Struct:
        """Raises RequestError 422 for one that does not fit. Lines of the same name are one value, as HTTP has it."""
        values = {name: ", ".join(lines) for name in self._names if (lines := headers.getlist(name))}
        return _convert(values, self._headers, "header:")


def _alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        return _alternatives(kind.type)
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _typed(text: str, types: tuple[inspect.Type, ...]) -> object:
    """The value a query text stands for.

    msgspec's own lax mode also takes "null", "1" for true and "5" for a date, which the document doesn't promise.
    """
    if text in ("true", "false") and _has(types, inspect.BoolType):
        return text == "true"
    if _has(types, inspect.IntType) and (whole := _INTEGER.fullmatch(text)):
        return int(whole[1])
    if _has(types, inspect.FloatType) and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _has(types: tuple[inspect.Type, ...], kind: type[inspect.Type]) -> bool:
    return any(isinstance(one, kind) for one in types)


def read_body(route: Route, body: bytes, content_type: str) -> Struct:
    """Raises RequestError: 415, 400 (not JSON) or 422 (not the schema)."""
    if not body:
        return _without_body(route)
    allowed = (JSON, MERGE_PATCH) if route.method == "PATCH" else (JSON,)
    if content_type.partition(";")[0].strip().lower() not in allowed:
        raise RequestError(415, "unsupported_media_type", f"The body must be {' or '.join(allowed)}.")
    value = _read_json(body)
    if not route.merge_patch:
        return _convert(value, route.body, "#")
    if not isinstance(value, dict):
        raise invalid(FieldError(pointer="#", detail="must be an object"))
    return MergePatch(changes=value)


def _without_body(route: Route) -> Struct:
    if route.merge_patch or not (route.body is Nothing or route.body_optional):
        raise invalid(FieldError(pointer="#", detail="a body is required"))
    return _convert({}, route.body, "#")


def _read_json(body: bytes) -> Any:
    try:
        return _whole_numbers(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, "invalid_json", "The body is not JSON in UTF-8.") from error


def _whole_numbers(value: Any) -> Any:
    """In JSON 64.0 is an integer; msgspec's strict mode doesn't think so."""
    match value:
        case float() if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        case list():
            return [_whole_numbers(one) for one in value]
        case dict():
            return {key: _whole_numbers(one) for key, one in value.items()}
        case _:
            return value


def _convert(value: Any, kind: type[AnyStruct], root: str) -> AnyStruct:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise invalid(_field_error(str(error), root)) from error


def _field_error(message: str, root: str) -> FieldError:
    """What msgspec says, without the value that it quotes for an enum."""
    parts = _MESSAGE.match(message)
    problem, path = (parts["problem"], parts["path"] or "") if parts else ("", "")
    steps = [name or index for name, index in _STEP.findall(path)]
    if named := _FIELD.search(problem):
        steps.append(named["name"][:_NAME_LENGTH])
        problem = "unknown member" if named["kind"] == "unknown" else "is required"
    elif problem.startswith("Invalid"):
        problem = "not an allowed value"
    return FieldError(pointer=_pointer(steps, root), detail=problem)


def _pointer(steps: list[str], root: str) -> str:
    if root != "#":
        return root + "".join(steps[:1])
    return root + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
