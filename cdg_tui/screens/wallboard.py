"""The wallboard: nothing to press, all to see, from across the room. Any key leaves it."""

from textual.widget import Widget

from cdg_tui.screens.cover import Cover
from cdg_tui.screens.page import View
from cdg_tui.screens.tiles import board, left_over, turn
from cdg_tui.widgets.picture import Picture


class Wallboard(Cover[None]):
    """A tile for each cabinet; where there are more than fit, one board after the other."""

    def middle(self) -> Widget:
        return Picture(classes="board")

    def show_middle(self, view: View, width: int, height: int) -> str:
        self.query_one(Picture).show(board(view, width, height))
        page, pages = turn(view, width, height)
        counted = view.words("wallboard.page", n=page + 1, all=pages) if pages > 1 else ""
        left = left_over(view, width, height)
        only = "" if left is None else view.words("wallboard.only", n=left)
        return "  ".join(part for part in (view.words("wallboard.leave"), counted, only) if part)

    def left_by(self, key: str) -> None:  # noqa: ARG002 - any does
        return None
