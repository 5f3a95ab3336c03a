"""The lock screen: where the ways out of a kiosk lead to. Says how the shop stands, and nothing that is not for everybody."""

from textual.content import Content
from textual.widget import Widget

from cdg_tui.screens.bars import banner
from cdg_tui.screens.big import big, largest
from cdg_tui.screens.cover import Cover
from cdg_tui.screens.page import View
from cdg_tui.text import fit, local_time, named
from cdg_tui.widgets.line import Line

UNLOCKING = ("u", "\uff55")


class Lock(Cover[bool]):
    """True where somebody wants to unlock it; any other key is for looking on."""

    def middle(self) -> Widget:
        return Line(classes="middle")

    def show_middle(self, view: View, width: int, height: int) -> str:
        self.query_one(".middle", Line).show(_middle(view, width, height))
        return view.words("lock.keys")

    def left_by(self, key: str) -> bool:
        return key in UNLOCKING


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
        site = named(status.device.site, status.device.site_name)
        lines += [Content(""), Content.styled(fit(site, width).rstrip(), "bold"), Content("")]
    lines += [Content.styled(view.words("lock.title"), "bold"), Content(""), banner(view, width)]
    return Content("\n").join(lines)
