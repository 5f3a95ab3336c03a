"""The page to read: all of the document, nothing but text in it, and no way out of it."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec import Struct

from core.manage_api.docs_page import render
from core.manage_api.examples import Example
from core.manage_api.openapi import document
from tests.core.manage_api.sample_routes import ROUTES

VOID = {"meta"}


class Page(HTMLParser):
    """What stands in it. Raises where a tag is closed that isn't open."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.links |= {given.get("href") or ""} - {""}
        self.places |= {f"#{given.get('id')}"}
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    ordered = Example(body={"by": "王芳"}, status=202, answer={"actor": "token:hq"})
    return document(ROUTES, "1.2.3", {"post_items": ordered})


def test_it_tells_of_each_route_what_the_document_tells(whole: dict[str, Any]) -> None:
    text = " ".join(Page(render(whole)).text.split())
    for path, row in whole["paths"].items():
        for method, one in row.items():
            assert f"{method.upper()} {path} {one['summary']}. Scope: {one['x-scope']}" in text
    for name in ("order-key", "if-none-match", "colour", "budget_s", "drain_in_progress"):
        assert name in text


def test_a_type_is_said_with_its_limits_and_what_it_is_without_being_given(whole: dict[str, Any]) -> None:
    text = " ".join(Page(render(whole)).text.split())
    assert "limit query integer, from 1, to 250, else 50" in text
    assert "budget_s number, from 0, to 600, else 30.0" in text
    assert "status query list of dead_letter | pending , else []" in text
    assert "order-key header string, length from 1, length to 8, like ^[a-z]*$" in text


def test_examples_are_folded_away(whole: dict[str, Any]) -> None:
    found = render(whole)
    assert found.count("<details>") == 2
    assert "王芳" in found


def test_it_is_whole_and_leads_only_to_itself_and_to_the_document(whole: dict[str, Any]) -> None:
    page = Page(render(whole))
    assert not page.open
    assert page.links - page.places == {"/openapi.json"}
    assert not page.tags & {"script", "img", "link", "iframe", "form"}


def test_every_text_stays_text(whole: dict[str, Any]) -> None:
    """Names and examples may come from a shop."""
    evil = "<script>alert(1)</script>\"'&"

    class Odd(Struct, frozen=True, kw_only=True):
        member: str = evil

    Odd.__doc__ = evil
    odd = replace(ROUTES[2], path="/api/manage/odd", summary=evil, body=Odd, answer=Odd)
    shown = Example(parameters={}, body={evil: evil}, status=202, answer={"member": evil})
    page = Page(render(document((odd,), evil, {"post_odd": shown})))
    assert "script" not in page.tags
    assert not page.open
    assert page.text.count(evil) > 5
