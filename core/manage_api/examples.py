"""The document's examples: one exchange of each operation, recorded from a running core into examples.json beside this file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType


class Example(Struct, frozen=True, kw_only=True):
    """What was asked, and what came: JSON as a value, other text as it is."""

    parameters: dict[str, Any] = {}
    body: Any | UnsetType = UNSET
    status: int
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
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.parameters:
            parameter["example"] = example.parameters[parameter["name"]]
    if example.body is not UNSET:
        for content in operation["requestBody"]["content"].values():
            content["example"] = example.body
    answers = operation["responses"][str(example.status)]["content"]
    next(iter(answers.values()))["example"] = example.answer
