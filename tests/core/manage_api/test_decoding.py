"""Queries and bodies: what fits the schema becomes structs, what doesn't is refused without being repeated."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.core.manage_api.sample_routes import a_client, an_app, by_socket, code_of, serving

pytestmark = pytest.mark.anyio

ITEMS, ORDER = "/api/manage/items", {"by": "Li"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(an_app(tmp_path)) as client:
        yield client


async def test_a_handler_gets_the_typed_query_and_the_actor(client: httpx.AsyncClient) -> None:
    """Repeated keys become a list, and numbers, booleans and dates their types."""
    query = "limit=7&status=pending&status=dead_letter&due=true&above=1.5&since=2026-11-23T08:00:00Z&q=5&colour=blue"
    answer = await client.get(f"{ITEMS}?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["actor"] == "uid:0"
    assert answer.json()["given"] == {
        "limit": 7,
        "status": ["pending", "dead_letter"],
        "colour": "blue",
        "due": True,
        "above": 1.5,
        "since": "2026-11-23T08:00:00Z",
        "q": "5",
    }


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("limit=seven", "?limit"),
        ("limit=1&limit=2", "?limit"),
        ("limit=", "?limit"),
        ("limit=" + "9" * 5000, "?limit"),
        ("above=1e999", "?above"),
        ("above=nan", "?above"),
        ("since=5", "?since"),
        ("since=2026-11-23T08:00:00", "?since"),
        ("due=1", "?due"),
        ("due=null", "?due"),
        ("status=lost", "?status"),
        ("colour=hunter2", "?colour"),
        ("no_such=1", "?no_such"),
        ("q=%ff", "?"),
    ],
)
async def test_a_query_outside_the_schema_is_422_and_names_the_parameter(
    client: httpx.AsyncClient, query: str, pointer: str
) -> None:
    answer = await client.get(f"{ITEMS}?{query}")
    assert code_of(answer) == (422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_text_parameter_may_be_the_word_null(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{ITEMS}?q=null")
    assert answer.json()["given"]["q"] == "null"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"by": 5}', "#/by"),
        (b"{}", "#/by"),
        (b'{"by": "Li", "limit": 0}', "#/limit"),
        (b'{"by": "Li", "limit": 1.5}', "#/limit"),
        (b'{"by": "Li", "ids": ["a", 5]}', "#/ids/1"),
        (b'{"by": "Li", "colour": "hunter2"}', "#/colour"),
        (b'{"by": "Li", "no/such": 1}', "#/no~1such"),
        (b"[]", "#"),
        (b"", "#"),
    ],
)
async def test_a_body_outside_the_schema_is_422_and_names_the_member(
    client: httpx.AsyncClient, body: bytes, pointer: str
) -> None:
    answer = await client.post(ITEMS, content=body, headers={"content-type": "application/json"})
    assert code_of(answer) == (422, "invalid_parameter")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("where", [{"json": {"by": "Li", "colour": "hunter2"}}, {"params": {"colour": "hunter2"}}])
async def test_a_rejected_value_is_never_repeated(client: httpx.AsyncClient, where: dict[str, Any]) -> None:
    answer = await client.request("POST" if "json" in where else "GET", ITEMS, **where)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


async def test_an_integral_float_is_an_integer_and_a_reply_sets_its_status(client: httpx.AsyncClient) -> None:
    """In JSON 64.0 is the number 64."""
    answer = await client.post(
        ITEMS, content=b'{"by": "Li", "limit": 64.0, "budget_s": 5.0}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 202
    assert answer.json()["given"]["limit"] == 64
    assert answer.json()["given"]["budget_s"] == 5.0


@pytest.mark.parametrize("body", [b"{", b'{"by": "\xff\xfe"}', b"\xff", b"[" * 100_000, b"NaN", b'{"by": 1e999}'])
async def test_what_is_not_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(ITEMS, content=body, headers={"content-type": "application/json"})
    assert code_of(answer) == (400, "invalid_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await client.post(ITEMS, content=json.dumps(ORDER).encode(), headers=headers)
    assert code_of(answer) == (415, "unsupported_media_type")


async def test_a_body_over_the_limit_is_413_also_on_the_wire(tmp_path: Path) -> None:
    """The caller gets to see the refusal, though it is still sending."""
    async with serving(tmp_path), by_socket(tmp_path / "manage.sock") as client:
        fits = await client.post(ITEMS, json=ORDER | {"by": "x" * (1024 * 1024 - 20)})
        answer = await client.post(ITEMS, json=ORDER | {"by": "x" * (4 * 1024 * 1024)})
    assert code_of(fits) == (422, "invalid_parameter")
    assert code_of(answer) == (413, "body_too_large")


async def test_an_optional_body_may_be_missing(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/manage/find")
    assert answer.status_code == 200
    assert answer.json()["given"]["limit"] == 50


async def test_a_route_without_a_body_refuses_members(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/manage/items/drain", json={"force": True})
    assert code_of(answer) == (422, "invalid_parameter")


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json; charset=utf-8"])
async def test_a_merge_patch_is_handed_over_as_it_came(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.patch(
        "/api/manage/config", content=b'{"a": {"b": null}}', headers={"content-type": content_type}
    )
    assert answer.json()["given"] == {"changes": {"a": {"b": None}}}


@pytest.mark.parametrize("body", [b"[]", b"5", b""])
async def test_a_merge_patch_must_be_an_object(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/merge-patch+json"}
    answer = await client.patch("/api/manage/config", content=body, headers=headers)
    assert code_of(answer) == (422, "invalid_parameter")


async def test_only_patch_takes_merge_patch_json(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/merge-patch+json"}
    answer = await client.post(ITEMS, content=json.dumps(ORDER).encode(), headers=headers)
    assert code_of(answer) == (415, "unsupported_media_type")
