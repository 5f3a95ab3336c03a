"""The document says what is served: checked by a validator, and by schemathesis against the app."""

import re
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi.loaders import from_asgi

from core.clock import SystemClock
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator, add_token
from core.manage_api.openapi import document
from core.manage_api.table import Scope
from core.settings import Access
from tests.core.manage_api.sample_routes import ROUTES, bearer, forget
from tests.schema_check import play


@pytest.mark.filterwarnings("default")
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """Good and bad requests, missing logins and wrong methods: each answer is one the document promises."""
    path = tmp_path / "tokens.toml"
    headers = bearer(add_token(path, "hq", Scope.ADMIN, SystemClock()))
    app = build_app(
        ROUTES, Authenticator(Access(), path, SystemClock()), forget, version="1.2.3", hostname="testserver"
    )
    schema = from_asgi("/openapi.json", app, config=SchemathesisConfig(seed=7), headers=headers)
    requests, found = play(schema, headers, max_examples=40)
    assert not found
    assert requests > 200


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document(ROUTES, "1.2.3")).validate()


def test_it_names_every_route_with_its_scope() -> None:
    paths = document(ROUTES, "1.2.3")["paths"]
    found = {(method.upper(), path, one["x-scope"]) for path, row in paths.items() for method, one in row.items()}
    wanted = {(one.method, one.path, one.scope.name.lower()) for one in ROUTES}
    assert found == wanted | {("GET", "/openapi.json", "read"), ("GET", "/docs", "read")}


def test_a_route_names_every_error_it_can_give() -> None:
    post = document(ROUTES, "1.2.3")["paths"]["/api/manage/items/drain"]["post"]["responses"]
    assert set(post) == {"200", "400", "401", "403", "409", "413", "415", "421", "422", "500", "503"}
    assert "drain_in_progress" in post["409"]["description"]


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
    assert paths["/api/manage/known"]["get"]["responses"]["304"] == {"description": "Not Modified"}


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
