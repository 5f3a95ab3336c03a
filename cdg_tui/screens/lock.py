"""The lock screen: where the ways out of a kiosk lead to. Says how the shop stands, and nothing that is not for everybody."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen

from cdg_tui.screens.alarm_line import alarm_line
from cdg_tui.screens.bars import banner, status_line
from cdg_tui.screens.big import big, largest
from cdg_tui.screens.page import View
from cdg_tui.text import local_time, named
from cdg_tui.widgets.line import Line

UNLOCKING = ("u", "\uff55")


class Lock(ModalScreen[bool]):
    """True where somebody wants to unlock it; any other key is for looking on."""

    def __init__(self, view: Callable[[], View]):
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        yield Line(classes="bar status")
        yield Line(classes="alarm")
        yield Line(classes="middle")
        yield Line(classes="bar foot")

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        """Bring it up to date."""
        if not self.is_mounted:
            return
        view, width = self._view(), self.size.width
        self.query_one(".status", Line).show(status_line(view, width))
        self.query_one(".alarm", Line).show(alarm_line(view, width))
        self.query_one(".middle", Line).show(_middle(view, width, self.size.height - 3))
        self.query_one(".foot", Line).show(Content(view.words("lock.keys")))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self.is_active:  # of two keys in one go the first has left it
            self.dismiss(event.key in UNLOCKING)


def _middle(view: View, width: int, height: int) -> Content:
    """Time, site, how the link is."""
    lines: list[Content] = []
    status, moment = view.store.status, local_time(view.now, view.zone)
    if status is not None and moment is not None:
        time = f"{moment:%H:%M}"
        if scale := largest(time, width - 4, height - 8):
            lines += [Content(line) for line in big(time, scale)]
        else:
            lines.append(Content.styled(time, "bold"))
        lines += [Content(""), Content.styled(named(status.device.site, status.device.site_name), "bold"), Content("")]
    lines += [Content.styled(view.words("lock.title"), "bold"), Content(""), banner(view)]
    return Content("\n").join([line.truncate(width) for line in lines])
