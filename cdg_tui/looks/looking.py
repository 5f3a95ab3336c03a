"""What all keys that look share."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from cdg_tui.client import Client
from cdg_tui.screens.reader import Reader

if TYPE_CHECKING:
    from cdg_tui.app import ConsoleApp

Box = TypeVar("Box", bound=Reader)


class Looking:
    """Knows the app it looks in, and the page on which the key was pressed."""

    def __init__(self, app: "ConsoleApp"):
        self._app, self._screen = app, app.page_screen

    def _open(self, reader: Box, read: Callable[[Box], None]) -> None:
        self._app.push_screen(reader)
        read(reader)

    def _follow(self, reader: Reader, reading: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        """As a worker of the box itself: it ends with it, or when something else is to be read in it."""
        if self._app.client is not None:
            reader.run_worker(reading(self._app.client), group="reading", exclusive=True)
