"""The document says what is served: checked by a validator, and by schemathesis against the app."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import Struct
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi.loaders import from_asgi
from schemathesis.specs.openapi.schemas import OpenApiSchema

from core.clock import SystemClock
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.examples import Example
from core.manage_api.openapi import document
from core.manage_api.table import Call, Reply, Route, Scope
from core.manage_api.tokens import add_token
from core.settings import Access
from tests.core.manage_api import sample_routes
from tests.core.manage_api.sample_routes import ROUTES, bearer, forget
from tests.schema_check import STREAM, play


async def endless(_: Call) -> Reply:
    async def ticks() -> AsyncGenerator[bytes]:
        while True:
            yield b"data: 1\n\n"
            await asyncio.sleep(0.01)

    return Reply(content=ticks(), media_type=STREAM)


ENDLESS = replace(ROUTES[1], path="/api/manage/stream", handler=endless, answer=str, media_type=STREAM)


@pytest.mark.filterwarnings("default")
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """Good and bad requests, missing logins and wrong methods: each answer is one the document promises."""
    path = tmp_path / "tokens.toml"
    headers = bearer(add_token(path, "hq", Scope.ADMIN, SystemClock()))
    played = play(_schema(path, headers, *ROUTES, ENDLESS), headers, max_examples=15)
    assert not played.found
    assert played.requests > 200


@pytest.mark.filterwarnings("default")
def test_schemathesis_finds_a_code_that_the_document_does_not_name(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    headers = bearer(add_token(path, "hq", Scope.ADMIN, SystemClock()))
    drain = next(one for one in ROUTES if one.path.endswith("/drain"))
    lying = replace(drain, refusals={409: ("endpoint_paused",)})
    found = play(_schema(path, headers, lying), headers, max_examples=1).found
    assert any("409 drain_in_progress is not among ['endpoint_paused']" in one for one in found)


def _schema(tokens: Path, headers: dict[str, str], *routes: Route) -> OpenApiSchema:
    app = build_app(
        routes, Authenticator(Access(), tokens, SystemClock()), forget, version="1.2.3", hostname="testserver"
    )
    return from_asgi("/openapi.json", app, config=SchemathesisConfig(seed=7), headers=headers)


def test_the_document_is_valid_openapi() -> None:
    """And each name in it stands for something: a query may be a body elsewhere."""
    whole = document(ROUTES, "1.2.3")
    OpenAPIV31SpecValidator(whole).validate()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(whole)))
    assert "Search" in named
    assert named <= whole["components"]["schemas"].keys()


def test_it_names_every_route_with_its_scope() -> None:
    paths = document(ROUTES, "1.2.3")["paths"]
    found = {(method.upper(), path, one["x-scope"]) for path, row in paths.items() for method, one in row.items()}
    wanted = {(one.method, one.path, one.scope.name.lower()) for one in ROUTES}
    assert found == wanted | {("GET", "/openapi.json", "read"), ("GET", "/docs", "read")}


def test_a_route_names_every_error_it_can_give() -> None:
    post = document(ROUTES, "1.2.3")["paths"]["/api/manage/items/drain"]["post"]["responses"]
    assert set(post) == {"200", "400", "401", "403", "409", "413", "415", "421", "422", "500", "503"}
    assert (post["409"]["x-codes"], post["409"]["description"]) == (
        ["drain_in_progress"],
        "Conflict: drain_in_progress",
    )
    assert post["403"]["x-codes"] == ["foreign_origin", "insufficient_scope"]


def test_every_code_stands_in_one_list_with_its_meaning() -> None:
    codes = document(ROUTES, "1.2.3")["x-problem-codes"]
    assert codes["drain_in_progress"]["statuses"] == [409]
    assert codes["drain_in_progress"]["meaning"].startswith("Another drain still runs")
    assert codes["method_not_allowed"]["statuses"] == [405]


def test_every_answer_has_its_request_id() -> None:
    whole = document(ROUTES, "1.2.3")
    answers = [one for row in whole["paths"].values() for on in row.values() for one in on["responses"].values()]
    assert all(one["headers"] == {"x-request-id": {"$ref": "#/components/headers/x-request-id"}} for one in answers)
    assert whole["components"]["headers"]["x-request-id"]["required"]


def test_what_the_parameters_mean_is_said_with_the_operation() -> None:
    paths = document(ROUTES, "1.2.3")["paths"]
    assert paths["/api/manage/known"]["get"]["description"] == "Headers."
    assert "description" not in paths["/healthz"]["get"]


def test_enums_and_structs_of_one_name_do_not_meet_in_the_document() -> None:
    """A generator of clients makes one class of both, or none."""

    class Colour(Struct, frozen=True, kw_only=True):
        """Not the enum."""

        colour: sample_routes.Colour

    route = replace(ROUTES[0], path="/other", answer=Colour)
    schemas = document((*ROUTES, route), "1.2.3")["components"]["schemas"]
    assert not [name for name in schemas if "." in name]
    assert schemas["Colour"]["properties"]["colour"]["enum"] == ["blue", "red"]


def test_two_structs_of_one_name_fail_at_build_time() -> None:
    class Order(Struct, frozen=True, kw_only=True):
        """Another one."""

    with pytest.raises(ValueError, match="two structs named Order"):
        document((*ROUTES, replace(ROUTES[0], path="/other", answer=Order)), "1.2.3")


def test_an_example_stands_with_what_it_is_of() -> None:
    """Parameters, body and answer; the document stays valid."""
    found = {"actor": "token:hq", "path": {}, "given": {}}
    ordered = Example(body={"by": "li"}, status=202, answer=found)
    whole = document(
        ROUTES,
        "1.2.3",
        {"post_items": ordered, "get_items_id": Example(parameters={"id": "7"}, status=200, answer=found)},
    )
    post = whole["paths"]["/api/manage/items"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"] == {"by": "li"}
    assert post["responses"]["202"]["content"]["application/json"]["example"] == found
    assert whole["paths"]["/api/manage/items/{id}"]["get"]["parameters"][0]["example"] == "7"
    OpenAPIV31SpecValidator(whole).validate()


def test_a_query_parameter_has_no_null() -> None:
    parameters = document(ROUTES, "1.2.3")["paths"]["/api/manage/items"]["get"]["parameters"]
    due = next(one for one in parameters if one["name"] == "due")
    assert due == {"name": "due", "in": "query", "required": False, "schema": {"type": "boolean"}}


def test_a_declared_header_is_an_optional_parameter() -> None:
    parameters = document(ROUTES, "1.2.3")["paths"]["/api/manage/known"]["get"]["parameters"]
    assert {"name": "if-none-match", "in": "header", "required": False, "schema": {"type": "string"}} in parameters


def test_an_answer_says_of_what_kind_it_is() -> None:
    """Text is text, and nothing at all is promised with 304."""
    paths = document(ROUTES, "1.2.3")["paths"]
    figures = paths["/figures"]["get"]["responses"]["200"]["content"]
    assert figures == {"text/plain; version=0.0.4; charset=utf-8": {"schema": {"type": "string"}}}
    known = paths["/api/manage/known"]["get"]["responses"]["304"]
    assert (known["description"], "content" in known) == ("Not Modified", False)


def test_a_date_is_described_by_a_pattern() -> None:
    parameters = document(ROUTES, "1.2.3")["paths"]["/api/manage/items"]["get"]["parameters"]
    schema = next(one["schema"] for one in parameters if one["name"] == "since")
    good = ["2026-11-23T08:00:00Z", "2024-02-29T23:59:59.123+08:00"]
    assert [bool(re.search(schema["pattern"], text)) for text in (*good, "", "2026-04-31T08:00:00Z")] == [1, 1, 0, 0]


def test_open_routes_ask_for_no_login() -> None:
    paths = document(ROUTES, "1.2.3")["paths"]
    assert paths["/healthz"]["get"]["security"] == []
    assert paths["/api/manage/items"]["get"]["security"] == [{"bearer": []}]


def test_two_routes_with_one_name_fail_at_build_time() -> None:
    with pytest.raises(ValueError, match="two routes named get_healthz"):
        document((*ROUTES, ROUTES[0]), "1.2.3")


def test_an_example_of_what_is_no_more_is_left_out() -> None:
    """A file of examples that has fallen behind keeps no core from starting."""
    behind = Example(parameters={"gone": 1}, body={"gone": 1}, status=299, answer="gone")
    assert document(ROUTES, "1.2.3", {"get_healthz": behind, "gone": behind}) == document(ROUTES, "1.2.3")
