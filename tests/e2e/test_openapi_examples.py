"""Each example of the document is real: it is what a running core answers to what is asked there."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api_visit import differences, same_request, tidied, visit
from tests.e2e.conftest import ROOT
from tests.e2e.recorded_shop import a_shop
from tests.schema_check import STREAM

FILE = ROOT / "core" / "manage_api" / "examples.json"
HOW = "give it a line in tests/e2e/api_visit.py, then run CDG_EXAMPLES=write pytest tests/e2e/test_openapi_examples.py"


def test_each_operation_has_an_example_that_a_core_answers_like_that(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        document = shop.document()
        found = tidied(visit(shop, document), shop)
    kept: dict[str, Any] = json.loads(FILE.read_bytes())
    wrong = {name: faults for name in sorted(operations(document)) if (faults := faults_of(kept, found, name))}
    if os.environ.get("CDG_EXAMPLES") == "write":
        record({name: found[name] if name in wrong else kept[name] for name in found})
        pytest.skip(f"recorded: {', '.join(wrong)}")
    assert not wrong, HOW
    assert kept.keys() == found.keys()
    assert not [name for name, one in operations(document).items() if not shows(one, kept[name])]


def faults_of(kept: dict[str, Any], found: dict[str, Any], name: str) -> list[str]:
    if name not in kept or name not in found:
        return ["no example"]
    if not same_request(kept[name], found[name]):
        return ["what is asked is another request"]
    return differences(kept[name]["answer"], found[name]["answer"])


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that have an example: neither the document itself nor a stream without an end."""
    every = {one["operationId"]: one for row in document["paths"].values() for one in row.values()}
    shown = {name: one for name, one in every.items() if name not in {"get_openapi", "get_docs"}}
    return {name: one for name, one in shown.items() if STREAM not in one["responses"]["200"].get("content", ())}


def shows(operation: dict[str, Any], example: dict[str, Any]) -> bool:
    """The document has it."""
    answers = operation["responses"][str(example["status"])]["content"].values()
    return example["answer"] in [one.get("example") for one in answers]


def record(examples: dict[str, Any]) -> None:
    FILE.write_text(json.dumps(examples, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
