"""The short lists: nothing is chosen before somebody chose it, with arrows or with digits of any width."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cdg_tui.widgets.choice import Choice, Choices

pytestmark = pytest.mark.anyio


class ChoiceApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Choices(Choice("做了什么", ["a[/]", "b", "c"]), Choice("货品", ["d", "e"]))


@contextlib.asynccontextmanager
async def a_choice() -> AsyncIterator[tuple[Choice, Pilot[None]]]:
    async with ChoiceApp().run_test() as pilot:
        choice = pilot.app.query(Choice).first()
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
        (("9", "2"), "b"),
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


async def values(pilot: Pilot[None]) -> list[str | None]:
    await pilot.pause()
    return [choice.value for choice in pilot.app.query(Choice)]


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (("2", "1"), ["b", "d"]),
        (("2", "1", "2"), ["b", "e"]),
        (("2", "3"), ["b", None]),
        (("down", "1"), ["a[/]", None]),
        (("down", "tab", "1"), ["a[/]", "d"]),
        (("2", "1", "shift+tab", "3"), ["c", "d"]),
    ],
)
async def test_a_digit_goes_on_to_the_next_list_and_nothing_else_does(
    keys: tuple[str, ...], chosen: list[str | None]
) -> None:
    async with a_choice() as (_, pilot):
        await pilot.press(*keys)
        assert await values(pilot) == chosen


async def test_two_digits_at_once_are_for_two_lists() -> None:
    """As a slow line delivers them: the second was sent before the first one was looked at."""
    async with a_choice() as (_, pilot):
        for digit in "21":
            pilot.app.post_message(events.Key(digit, digit))
        assert await values(pilot) == ["b", "d"]
