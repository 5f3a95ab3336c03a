"""What every line goes through on its way to the terminal: characters it can draw, and no control among them."""

import re
from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from cdg_tui.glyphs import GlyphMode, drawn

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class GlyphFilter(LineFilter):
    """Says everything in the characters of a mode; every line keeps its width."""

    def __init__(self, mode: GlyphMode):
        super().__init__(enabled=mode is not GlyphMode.UNICODE)
        self.mode = mode

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - the base class's
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [Segment(drawn(text, self.mode), style, control) for text, style, control in segments]


class ControlFilter(LineFilter):
    """Textual itself lets ESC through to the terminal; nothing on this console's screens ever needs one.

    The last net: whatever way a control character took, here it becomes a question mark.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - the base class's
        if not any(_CONTROLS.search(segment.text) for segment in segments):
            return segments
        return [Segment(_CONTROLS.sub("?", text), style, control) for text, style, control in segments]
