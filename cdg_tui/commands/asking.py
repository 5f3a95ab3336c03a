"""What all writing keys share: their target, whether anything may be sent, the question, and what became of it."""

import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from cdg_tui.client import Client
from cdg_tui.errors import ClientError, LostError
from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Confirm, Dialog

if TYPE_CHECKING:
    from cdg_tui.app import ConsoleApp

Target = TypeVar("Target")

_UNSURE: Final = {"timeout", "broken_off", "http_error"}  # the request was on its way when the answer went missing


class Asking:
    """Knows the app it asks in and the client it sends by; and what the key was pressed on, for by the time it is asked about
    the next key may have turned the page.
    """

    def __init__(self, app: "ConsoleApp", client: Client):
        self._app, self._client = app, client
        self._screen = app.page_screen
        self._key, self._marked = self._screen.cursor_key, self._screen.marked
        self._operator = app.sentry.access.operator  # whose key it was: whoever unlocks later says no yes for him

    @property
    def _words(self) -> Words:
        """As of now: the language may change while something is on its way."""
        return self._app.words

    async def _confirmed(self, title: str, lines: tuple[str, ...]) -> bool:
        dialog = Confirm(self._words, self._words(title), lines)
        return await self._app.push_screen_wait(dialog) and self._may_write()

    async def _answered(self, dialog: Dialog[Target | None]) -> Target | None:
        """What was said to it; None also where nothing may be written any more."""
        said = await self._app.push_screen_wait(dialog)
        return said if said is not None and self._may_write() else None

    async def _send(self, call: Callable[[], Awaitable[object]], done: str) -> None:
        await self._tell(call, lambda _: self._words(done))

    async def _tell(self, call: Callable[[], Awaitable[Target]], became: Callable[[Target], str]) -> Target | None:
        """Send it, and say what became of it by what the core answers; that, or None where it refused."""
        try:
            answer = await call()
        except ClientError as refusal:
            self._failed(refusal)
            return None
        self._app.say(became(answer))
        self._app.poke()
        return answer

    def _failed(self, refusal: ClientError, key: str | None = None) -> str:
        """Say why; and where the answer went missing, that the core may have done it all the same."""
        missing = isinstance(refusal, LostError) and refusal.cause in _UNSURE
        text = self._words(
            key or ("notice.unsure" if missing else "notice.refused"),
            why=refusal.told(self._words),
        )
        self._app.say(text, trouble=True)
        return text

    def _may_ask(self) -> bool:
        """Not twice: a key that is held down, or typed in a hurry, comes again before its dialog is there."""
        return self._app.asks_nothing and self._app.page_screen is self._screen and self._may_write()

    def _may_write(self) -> bool:
        """A write that can't be sent now is refused here, never kept for later."""
        if (why := self._why_not()) is None:
            return True
        self._app.say(self._words(why), trouble=True)
        return False

    def _why_not(self) -> str | None:
        """A key of the words."""
        view, access = self._app.view(), self._app.sentry.access
        if not view.live:
            return "notice.not_live"
        if not access.may_write(view.now_s):
            return "access.read_only" if access.takes_pin else "access.token"
        return None if access.operator == self._operator else "access.another"

    @property
    def _who(self) -> str:
        """Who acts: the operator who unlocked it, else whoever is logged in."""
        return self._operator or who()

    def _target(self, found: Target | None, missing: str = "notice.no_row") -> Target | None:
        if not self._may_ask():
            return None
        if found is None:
            self._app.say(self._words(missing))
        return found


def who() -> str:
    """Who acts, as this machine knows them; the core records the login beside it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid
        return f"uid {os.getuid()}"
