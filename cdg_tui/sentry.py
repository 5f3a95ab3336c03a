"""What the console does by itself, whether or not somebody presses a key: an unlock ends, a kiosk that nobody uses locks itself
and shows its wallboard, a new critical case rings.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual import events
from textual.widgets import Input

from cdg_tui.access import IDLE_S, Access
from cdg_tui.alarms import Alarms
from cdg_tui.errors import ClientError
from cdg_tui.screens.cover import Cover
from cdg_tui.screens.dialog import YES
from cdg_tui.screens.page_screen import PageScreen
from cdg_tui.screens.reader import Reader
from cdg_tui.store import Snapshot

if TYPE_CHECKING:
    from cdg_tui.app import ConsoleApp
    from cdg_tui.client import Client

DELIBERATE_S: Final = 0.05  # what comes sooner after another key was pasted, or typed blindly in one go
# Also where something else lies over them: it may let them be seen.
KEPT_TRUE: Final = (PageScreen, Reader, Cover)


class Sentry:
    """Told of each key, each answer and each second. `ring` gives one sound, where the settings want one."""

    def __init__(self, app: "ConsoleApp", now: Callable[[], float]):
        self._app, self._now = app, now
        self.access = Access(kiosk=app.session.kiosk)
        self.alarms = Alarms()
        self.ring: Callable[[], None] = app.bell
        self._key_s = now()
        self._stamp_s = 0.0  # of the last key, as its event says

    def admits(self, event: events.Key) -> bool:
        """Somebody is there. A yes counts only as a key by itself: not out of something pasted, nor typed before its question
        was there.
        """
        self._key_s = self._now()
        quiet_s, self._stamp_s = event.time - self._stamp_s, event.time
        # Whatever is on the screen: the key before it may be about to open the question.
        return event.key not in YES.split(",") or quiet_s >= DELIBERATE_S or isinstance(self._app.focused, Input)

    def turned(self, page: str) -> None:
        """To another page, or the same again."""
        if page == "cases":
            self.alarms = self.alarms.seen()

    def heard(self, news: Snapshot) -> None:
        """After the store took it in."""
        if news.me is not None:
            self.access = self.access.heard(news.me)
        if news.cases is not None:
            self.alarms = self.alarms.heard(news.cases)
        self._ring()

    def tick(self) -> None:
        idle = self._now() - self._key_s >= IDLE_S
        if self.access.operator is not None:
            if self.access.operator_at(self._now()) is None:
                self.lock("access.time_up")
            elif idle:
                self.lock("access.idle")
        if idle:
            from cdg_tui.screens.unlock_dialog import UnlockDialog  # which the first frame doesn't wait for

            if isinstance(self._app.screen, UnlockDialog):
                self._app.screen.dismiss(None)  # with whatever was typed of a PIN
        if idle and self.access.kiosk:
            self.show_wallboard()
        self._ring()

    def mute(self) -> None:
        """Until the next new one."""
        self.alarms = self.alarms.muted()

    def _ring(self) -> None:
        if self.alarms.rings(self._now()):
            self.alarms = self.alarms.rung(self._now())
            if self._app.settings.bell:
                self.ring()

    # -- the lock ----------------------------------------------------------------------------------------------------

    def unlock(self) -> None:
        """Ask for an operator's PIN; or where it is unlocked, lock it."""
        if self._app.client is not None:
            from cdg_tui.commands.unlocking import Unlocking

            self._app.client.on_locked = self.ended
            self._app.run_worker(Unlocking(self._app, self._app.client).turn(), group="commands")

    def unlocked(self, operator: str, until_s: float) -> None:
        self.access = self.access.unlocked(operator, until_s)
        self._app.say(self._app.words("access.unlocked", who=operator))

    def ended(self) -> None:
        """The core says that it is locked."""
        if self.access.operator is not None:
            self._locked("access.ended")

    def lock(self, why: str) -> None:
        """Read-only from now on, whatever the core says to it. `why` is a key of the words."""
        if self._app.client is not None:
            self._app.run_worker(self._tell(self._app.client), group="lock")
        self._locked(why)

    def _locked(self, why: str) -> None:
        self.access = self.access.locked()
        self._app.say(self._app.words(why), trouble=True)

    async def _tell(self, client: "Client") -> None:
        with contextlib.suppress(ClientError):  # the token is forgotten here, and ends by itself there
            await client.lock()

    # -- the screens ---------------------------------------------------------------------------------------------------

    def show_wallboard(self) -> None:
        from cdg_tui.screens.wallboard import Wallboard  # the first frame shows none

        if not isinstance(self._app.screen, Wallboard):
            self._app.push_screen(Wallboard(self._app.view, self._app.poke), lambda _: self._app.show())

    def show_lock(self) -> None:
        """Where a kiosk's ways out lead to."""
        if self.access.operator is not None:
            self.lock("access.locked")
        from cdg_tui.screens.lock import Lock

        if not isinstance(self._app.screen, Lock):
            self._app.push_screen(Lock(self._app.view, self._app.poke), self._looked)

    def _looked(self, unlock: bool | None) -> None:
        self._app.show()
        if unlock:
            self.unlock()
