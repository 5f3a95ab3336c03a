"""What all keys that look share."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdg_tui.app import ConsoleApp


class Looking:
    """Knows the app it looks in."""

    def __init__(self, app: "ConsoleApp"):
        self._app = app
