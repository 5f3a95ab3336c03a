"""Page 5 on the screen: what there is to say about the box stands above its list."""

from cdg_tui.screens.box import box_block
from cdg_tui.screens.page_screen import PageScreen
from cdg_tui.widgets.line import Line


class DeviceScreen(PageScreen):
    """Shows the page Device."""

    def on_mount(self) -> None:
        self.query_one("#list").mount(Line(id="box"), before=0)

    def show(self) -> None:
        super().show()
        for line in self.query("#box").results(Line):
            line.show(box_block(self.view(), line.size.width or self.size.width))
