"""The console as a program on a terminal, whatever it shows: its user's settings, what may be drawn, and how it ends."""

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from rich.console import RenderableType
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.filter import LineFilter

from cdg_tui.colours import BASE_COLOURS, OKABE_ITO, READABLE_ON_LIGHT, theme_for
from cdg_tui.filters import ControlFilter, GlyphFilter
from cdg_tui.glyphs import GlyphMode, mode_of, speakable
from cdg_tui.i18n import Language, Words, language_of
from cdg_tui.screens.dialog import Leaving
from cdg_tui.settings import Settings
from cdg_tui.settings_file import SettingsFile

# Letters instead of line drawing, the whole screen, no attributes, no wrapping, no cursor; and cleared.
_TIDY: Final = "\x0f\x1b(B\x1b[r\x1b[m\x1b[?7l\x1b[?25l\x1b[2J"


class Shell(App[Leaving]):
    """`file` holds the user's settings; `automatic` is the language, and `own` what the terminal draws, where those leave it to
    the console; `wanted` is what to draw in this run, whatever they say. `crash` is what went wrong, where something did;
    `on_leaving` is told the exit code as soon as it is known.
    """

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        words: Words,
        *,
        file: SettingsFile | None = None,
        automatic: Language | None = None,
        own: GlyphMode = GlyphMode.UNICODE,
        wanted: GlyphMode | None = None,
    ):
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)  # then no colour at all, not even greys
        self.file = file if file is not None else SettingsFile(None)
        read = self.file.read()
        self.settings, self.actions, self.complaints = read.settings, read.actions, read.complaints
        self._automatic, self._own = automatic or words.language, own
        if words.language != language_of(None, read.settings.language, self._automatic, {}):  # said for this run only
            self.settings = replace(self.settings, language=words.language)
        self.settings = replace(self.settings, glyphs=wanted or self.settings.glyphs)
        self._glyphs, self._net = GlyphFilter(mode_of(self.settings.glyphs, own)), ControlFilter()
        self.words = Words(self._language_of(self.settings))
        self.register_theme(BASE_COLOURS)
        # Not as a change: the first frame would wait until all styles had been read a second time.
        self.set_reactive(App.ansi_theme_dark, OKABE_ITO)
        self.set_reactive(App.ansi_theme_light, READABLE_ON_LIGHT)
        self.set_reactive(App.theme, self._theme_of(self.settings))
        # Which therefore has to be told of here; else a terminal of few colours would get bright ones from the theme before.
        self.stylesheet.set_variables(self.get_css_variables())
        self._refresh_truecolor_filter(self.ansi_theme)
        for action in self.actions:
            self.bind(",".join(action.keys), f"act('{action.id}')", show=False)
        self.on_leaving: Callable[[int], None] = lambda _: None
        self.crash: str | None = None
        self._leaving = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def on_mount(self) -> None:
        self._loop = asyncio.get_running_loop()

    # -- what it looks like ----------------------------------------------------------------------------------------

    def use(self, settings: Settings) -> None:
        """Draw and speak as these settings say, from now on."""
        self.settings = settings
        self.glyphs = mode_of(settings.glyphs, self._own)
        self.words = Words(self._language_of(settings))
        self.theme = self._theme_of(settings)

    def _language_of(self, settings: Settings) -> Language:
        return speakable(language_of(None, settings.language, self._automatic, {}), self.glyphs)

    def _theme_of(self, settings: Settings) -> str:
        return theme_for(settings.theme, self.console.color_system, no_color=self.no_color)

    @property
    def glyphs(self) -> GlyphMode:
        """What everything is drawn in; it can be changed at any time."""
        return self._glyphs.mode

    @glyphs.setter
    def glyphs(self, mode: GlyphMode) -> None:
        self._glyphs = GlyphFilter(mode)
        self.refresh()

    def redraw(self) -> None:
        """Whatever another program left the terminal in: its characters, its lines that scroll, its colours."""
        if self._driver is not None:
            self._driver.write(_TIDY)
        self.refresh()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *([self._glyphs] if self._glyphs.enabled else []), self._net]

    def pop_screen(self) -> AwaitComplete:
        """What is closed forgets how it was drawn: Textual keeps that of a thousand widgets, long after they are gone."""
        closed = self.screen
        for widget in (closed, *closed.query("*")):
            widget.refresh()
        return super().pop_screen()

    # -- how it ends -----------------------------------------------------------------------------------------------

    def exit(self, result: Leaving | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        self._leaving = True
        self.on_leaving(return_code)
        super().exit(result, return_code, message)

    def leave_now(self, code: int) -> None:
        """End in order with this exit code; from a signal's handler or another thread."""
        if self._loop is None:
            sys.exit(code)
        self._loop.call_soon_threadsafe(self.exit, Leaving.KEEP, code)

    def _handle_exception(self, error: Exception) -> None:
        """What fails because the screens are being taken apart, or were left without their parts, is no mistake any more."""
        if not self._leaving:
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Textual's own prints the local variables of every frame, secrets among them."""
        error = sys.exc_info()[1]
        self.crash = "".join(traceback.format_exception(error)) if error is not None else "unknown"
        self.on_leaving(1)
        self._close_messages_no_wait()
