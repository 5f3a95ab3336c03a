"""The last net before the terminal: whatever way a control character took, here it becomes a question mark."""

import re
from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class ControlFilter(LineFilter):
    """Textual itself lets ESC through to the terminal; nothing on this console's screens ever needs one."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - the base class's
        if not any(_CONTROLS.search(segment.text) for segment in segments):
            return segments
        return [Segment(_CONTROLS.sub("?", text), style, control) for text, style, control in segments]
