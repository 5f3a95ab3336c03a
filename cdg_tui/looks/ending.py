"""The way out: what becomes of a core that this console started is asked before; at a kiosk there is none."""

from cdg_tui.looks.looking import Looking
from cdg_tui.screens.dialog import Leave, Leaving


class EndingLooks(Looking):
    """Each method is one action."""

    def leave(self) -> None:
        app = self._app
        if app.session.kiosk:
            app.sentry.show_lock()
        elif app.session.worker is None or app.session.demo or app.session.worker.ended is not None:
            app.exit(Leaving.KEEP)
        elif not isinstance(app.screen, Leave):
            app.push_screen(Leave(app.words, app.words("leave.title")), self._left)

    def _left(self, said: Leaving | None) -> None:
        if said in {Leaving.KEEP, Leaving.STOP}:
            self._app.exit(said)
