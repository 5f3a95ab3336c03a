"""The short list: nothing is chosen before somebody chose it, with arrows or with digits of any width."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cdg_tui.widgets.choice import Choice

pytestmark = pytest.mark.anyio


class ChoiceApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Choice("做了什么", ["a[/]", "b", "c"])


@contextlib.asynccontextmanager
async def a_choice() -> AsyncIterator[tuple[Choice, Pilot[None]]]:
    async with ChoiceApp().run_test() as pilot:
        choice = pilot.app.query_one(Choice)
        choice.focus()
        await pilot.pause()
        yield choice, pilot


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ((), None),
        (("2",), "b"),
        (("２",), "b"),
        (("4",), None),
        (("0",), None),
        (("x", "enter"), None),
        (("2", "9"), "b"),
        (("down",), "a[/]"),
        (("up",), "c"),
        (("j", "j", "k"), "a[/]"),
        (("down", "down", "down", "down"), "c"),
    ],
)
async def test_keys_choose(keys: tuple[str, ...], chosen: str | None) -> None:
    async with a_choice() as (choice, pilot):
        await pilot.press(*keys)
        assert choice.value == chosen
        marked = [line for line in choice.render().plain.splitlines() if line.startswith("(*)")]
        assert [line[6:] for line in marked] == ([] if chosen is None else [chosen])
