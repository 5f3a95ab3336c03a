"""The wallboard, the bell, the lock: what a console on a wall has besides."""

from cdg_tui.looks.looking import Looking


class KioskLooks(Looking):
    """Each method is one action."""

    def wallboard(self) -> None:
        self._app.sentry.show_wallboard()

    def mute(self) -> None:
        self._app.sentry.mute()
        self._app.say(self._app.words("alarm.muted"))

    def unlock(self) -> None:
        self._app.sentry.unlock()
