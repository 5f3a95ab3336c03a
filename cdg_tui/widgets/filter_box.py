"""Where somebody types what a list's rows must hold."""

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class FilterBox(Input):
    """Enter calls `done`, which moves the focus on: what has been typed behind it goes there."""

    def __init__(self, done: Callable[[], None]):
        super().__init__(id="filter", max_length=100, compact=True)
        self._done = done

    async def on_key(self, event: events.Key) -> None:
        if self.screen.focused is not self:
            event.stop().prevent_default()
            again = events.Key(event.key, event.character)
            again.time = event.time  # when it was typed tells whether a yes was meant
            self.app.post_message(again)
        elif event.key == "enter":
            event.stop().prevent_default()
            self._done()
