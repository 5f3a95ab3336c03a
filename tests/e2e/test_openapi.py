"""The served OpenAPI document against the running core itself, with work in its queue."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi.loaders import from_url

from core.manage_api.codes import MEANINGS
from tests.e2e.conftest import Core, free_port, wait_until
from tests.e2e.recorded_shop import a_token
from tests.schema_check import is_stream, play, takes_nothing

CONFIG = """
[device]
id = "box"
site = "site"

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "01"
limits = {{ low = -40.0, high = -30.0 }}
alarm_delay_s = 0

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{dead}/"

[manage_api]
listen = "127.0.0.1:{port}"
"""


AT_LEAST = 50  # requests made up for each operation; some 15 s in all


@pytest.mark.filterwarnings("default")
def test_the_running_core_answers_only_what_its_document_promises(core: Callable[..., Core]) -> None:
    port = free_port()
    box = core(CONFIG.format(dead=free_port(), port=port))
    headers = {"Authorization": f"Bearer {a_token(box)}"}
    box.start()
    wait_until(lambda: box.get("webhooks/retries")["items"], "a delivery waits")
    url = f"http://127.0.0.1:{port}/openapi.json"
    schema = from_url(url, config=SchemathesisConfig(seed=7), headers=headers)
    played = play(schema, headers, max_examples=AT_LEAST)
    assert not played.found
    for path, row in schema.raw_schema["paths"].items():
        for method, operation in row.items():
            count = played.made_up[f"{method.upper()} {path}"]
            assert count >= AT_LEAST or takes_nothing(operation) or is_stream(operation), (path, count)
    assert box.alive
    assert "Traceback" not in box.said


def test_the_document_is_valid_and_says_what_everything_means(core: Callable[..., Core]) -> None:
    box = core(CONFIG.format(dead=free_port(), port=free_port()))
    box.start()
    document = box.request("GET", "/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    schemas, codes = document["components"]["schemas"], document["x-problem-codes"]
    assert not [name for name, one in schemas.items() if not one.get("description")], "say it in the struct's docstring"
    assert not [code for code, one in codes.items() if not one["meaning"]], "say it in core/manage_api/codes.py"
    assert not MEANINGS.keys() - codes.keys(), "no route can answer this"
    assert not [fault for pair in examples(document) for fault in faults(document, *pair)]


def examples(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each with the schema that stands beside it."""
    match document:
        case {"schema": schema, "example": example}:
            yield schema, example
        case dict():
            for part in document.values():
                yield from examples(part)
        case list():
            for part in document:
                yield from examples(part)


def faults(document: dict[str, Any], schema: dict[str, Any], example: Any) -> list[str]:
    validator = OAS31Validator({**schema, "components": document["components"]}, format_checker=oas31_format_checker)
    return [f"{list(one.absolute_path)}: {one.message}" for one in validator.iter_errors(example)]
