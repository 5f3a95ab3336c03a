"""Headquarters' own client, made from the served document by a public generator, does what it is for."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.recorded_shop import Shop, a_shop

NAME = "generated_manage_api"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with a_shop(tmp_path_factory.mktemp("shop")) as found:
        yield found


@pytest.fixture(scope="module")
def client(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Generated without a warning, so without an operation left out, and logged in."""
    directory = tmp_path_factory.mktemp("client")
    generate(shop.document(), directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        found = importlib.import_module(NAME)
        with found.AuthenticatedClient(base_url=shop.url, token=shop.token) as logged_in:
            yield logged_in


def generate(document: dict[str, Any], directory: Path) -> None:
    (directory / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (directory / "generator.json").write_text('{"post_hooks": []}', encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", "generator.json", "--output-path", NAME]
    # It prints over the whole width of its terminal.
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "warning" not in done.stdout.lower(), done.stdout


def api(operation: str, tag: str = "webhooks") -> Any:
    return importlib.import_module(f"{NAME}.api.{tag}.{operation}")


def models() -> Any:
    return importlib.import_module(f"{NAME}.models")


def test_a_generated_client_lists_retries_and_drains(client: Any) -> None:
    """What comes are its own classes, from the list over the drain to how the drain went."""
    listed = api("get_webhooks_retries").sync(client=client, endpoint="backup", limit=5)
    assert type(listed) is models().Retries
    assert {one.endpoint.id for one in listed.items} == {"backup"}
    body = models().Drain(only_due=False, endpoint="backup")
    drained = api("post_webhooks_retries_drain").sync(client=client, body=body)
    assert type(drained) is models().DrainResult
    assert [one.result for one in drained.items] == ["failed"]
    again = api("get_webhooks_drains_drain_id").sync(drain_id=drained.drain_id, client=client)
    assert (again.drain_id, again.counts) == (drained.drain_id, drained.counts)
    drains = api("get_webhooks_drains").sync(client=client)
    assert [one.drain_id for one in drains.items] == [drained.drain_id]


def test_a_generated_client_is_told_why_not(client: Any) -> None:
    refused = api("get_webhooks_drains_drain_id").sync(drain_id="drn_none", client=client)
    assert type(refused) is models().ProblemDetails
    assert (refused.status, refused.code) == (404, "drain_not_found")


def test_a_client_understands_a_code_that_it_does_not_know(client: Any) -> None:
    """One of a newer core."""
    refused = models().ProblemDetails.from_dict(
        {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "no", "code": "of_next_year", "more": 1}
    )
    assert refused.code == "of_next_year"


def test_every_operation_of_the_document_is_in_the_client(client: Any, shop: Shop) -> None:
    for operations in shop.document()["paths"].values():
        for one in operations.values():
            assert api(one["operationId"], one["tags"][0]).sync_detailed
