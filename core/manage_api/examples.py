"""The document's examples: one exchange of each operation, recorded from a running core into examples.json beside this file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.manage_api.decoding import JSON


class Example(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked, and what came: JSON as a value, other text as it is. `media_type` has no parameters."""

    parameters: dict[str, Any] = {}
    body: Any | UnsetType = UNSET
    status: int
    media_type: str = JSON
    answer: Any


def recorded() -> dict[str, Example]:
    """By operationId."""
    return msgspec.json.decode(Path(__file__).with_name("examples.json").read_bytes(), type=dict[str, Example])


def exemplified(document: dict[str, Any], examples: Mapping[str, Example]) -> dict[str, Any]:
    """The same document, in which each operation's parameters, body and answer show their part of the exchange."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if (example := examples.get(operation["operationId"])) is not None:
                _show(operation, example)
    return document


def _show(operation: dict[str, Any], example: Example) -> None:
    """What the document has no place for any more is left out: no file of examples keeps a core from starting."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]
    if example.body is not UNSET:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["example"] = example.body
    answer = operation["responses"].get(str(example.status), {})
    for media_type, content in answer.get("content", {}).items():
        if media_type.partition(";")[0] == example.media_type:
            content["example"] = example.answer
