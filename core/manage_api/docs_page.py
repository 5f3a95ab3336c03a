"""The OpenAPI document as one plain page: no script, nothing loaded from elsewhere."""

from html import escape
from typing import Any, Final

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "td,th{text-align:left;vertical-align:top;padding:.3em .8em .3em 0}code{white-space:nowrap}"
)


def render(document: dict[str, Any]) -> str:
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    rows = "".join(
        _row(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{escape(document['info']['description'])} The full description: "
        '<a href="/openapi.json">/openapi.json</a>.</p>'
        "<table><thead><tr><th>Route</th><th>Scope</th><th>What it does</th><th>Parameters</th><th>Answers</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></body></html>"
    )


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = ", ".join(one["name"] for one in operation.get("parameters", ()))
    cells = (operation["x-scope"], operation["summary"], parameters, " ".join(operation["responses"]))
    route = f"<td><code>{escape(f'{method.upper()} {path}')}</code></td>"
    return f"<tr>{route}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
