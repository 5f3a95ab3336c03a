"""The OpenAPI document as one page to read: no script, nothing loaded from elsewhere."""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from itertools import starmap
from typing import Any, Final

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

Json = Mapping[str, Any]

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 sans-serif;max-width:64em;margin:2em auto;padding:0 1em}"
    "td,th{text-align:left;vertical-align:top;padding:.2em .8em .2em 0;border-bottom:1px solid #8884}"
    "section{margin:3em 0}pre{overflow:auto}td:first-child code{white-space:nowrap}.said{white-space:pre-line}"
)
# As JSON Schema says it, and as people do.
_LIMITS: Final = (("minimum", "from"), ("maximum", "to"), ("minLength", "length from"), ("maxLength", "length to"))


def render(document: Json) -> str:
    """The page. Whatever stands in the document is text here, never markup."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    paths = document["paths"].items()
    operations = [(f"{method.upper()} {path}", one) for path, row in paths for method, one in row.items()]
    operations.sort(key=lambda pair: pair[1]["tags"][0])  # stable: else in the order of the table
    schemas = document["components"]["schemas"]
    structures = (
        f'<section id="is-{escape(one)}"><h3>{escape(one)}</h3>{_members(schemas[one])}</section>' for one in schemas
    )
    codes = _table(("Code", "Status", "What it means"), starmap(_code_row, document["x-problem-codes"].items()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{_said(document['info']['description'])}"
        '<p>For programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<h2>Routes</h2>{_contents(operations)}"
        f"{''.join(_operation(route, one, schemas) for route, one in operations)}"
        f"<h2>Structures</h2>{''.join(structures)}<h2>Codes of errors</h2>{codes}</body></html>"
    )


def _contents(operations: Iterable[tuple[str, Json]]) -> str:
    rows = (
        (f'<a href="#{escape(one["operationId"])}">{_code(route)}</a>', escape(one["x-scope"]), _inline(one["summary"]))
        for route, one in operations
    )
    return _table(("Route", "Scope", "What it does"), rows)


def _operation(route: str, operation: Json, schemas: Json) -> str:
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h3>{_code(route)}</h3>',
        f"<p>{_inline(operation['summary'])}. Scope: <b>{escape(operation['x-scope'])}</b>.</p>",
        _said(operation.get("description", "")),
        _table(("Parameter", "In", "Type", "", "Example"), map(_parameter, operation.get("parameters", ()))),
    ]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        name = content["schema"]["$ref"].rpartition("/")[2]
        parts.append(f"<h4>Body, {escape(media_type)}</h4>{_members(schemas[name])}{_folded(content)}")
    parts.append(_table(("Answer", "What it holds", "Codes"), _answers(operation["responses"])))
    return "".join(parts) + "</section>"


def _parameter(one: Json) -> tuple[str, ...]:
    example = _code(_json(one["example"])) if "example" in one else ""
    return _code(one["name"]), one["in"], _kind(one["schema"]), "required" if one["required"] else "", example


def _answers(responses: Json) -> Iterable[tuple[str, ...]]:
    for status, answer in responses.items():
        contents = answer.get("content", {}).items()
        held = "".join(f"{_kind(one['schema'])} ({escape(name)}){_folded(one)}" for name, one in contents)
        codes = (f'<a href="#code-{escape(code)}">{_code(code)}</a>' for code in answer.get("x-codes", ()))
        yield status, held, " ".join(codes)


def _members(schema: Json) -> str:
    required, members = schema.get("required", ()), schema.get("properties", {})
    rows = ((_code(one), _kind(kind), "required" if one in required else "") for one, kind in members.items())
    return _said(schema.get("description", "")) + _table(("Member", "Type", ""), rows)


def _code_row(code: str, told: Json) -> tuple[str, ...]:
    statuses = ", ".join(map(str, told["statuses"]))
    return f'<span id="code-{escape(code)}">{_code(code)}</span>', statuses, _inline(told["meaning"])


def _kind(schema: Json) -> str:
    """What a value may be, with its range and what it is where it is not given."""
    match schema:
        case {"$ref": str(target)}:
            name = escape(target.rpartition("/")[2])
            kind = f'<a href="#is-{name}">{name}</a>'
        case {"anyOf": list(choices)}:
            kind = " or ".join(_kind(one) for one in choices)
        case {"enum": list(values)}:
            kind = " | ".join(_code(str(one)) for one in values)
        case {"type": "array"}:
            kind = f"list of {_kind(schema.get('items', {}))}"
        case {"type": "object", "additionalProperties": dict(inner)}:
            kind = f"table of {_kind(inner)}"
        case _:
            kind = escape(str(schema.get("format", schema.get("type", "anything"))))
    limits = [f"{words} {schema[key]}" for key, words in _LIMITS if key in schema]
    if "pattern" in schema and "format" not in schema:
        limits.append(f"like {_code(schema['pattern'])}")
    if "default" in schema:
        limits.append(f"else {_code(_json(schema['default']))}")
    return ", ".join([kind, *limits])


def _folded(content: Json) -> str:
    if "example" not in content:
        return ""
    example = content["example"]
    text = example if isinstance(example, str) else _json(example, indent=2)
    return f"<details><summary>Example</summary><pre>{escape(text)}</pre></details>"


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _said(text: str) -> str:
    return f'<div class="said">{_inline(text)}</div>' if text else ""


def _inline(text: str) -> str:
    """Names between backticks are code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Of cells that are markup already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{one}</th>" for one in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
