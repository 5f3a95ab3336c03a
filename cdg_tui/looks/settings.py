"""The user's settings, tried and kept; and a picture that something else has drawn into."""

import asyncio
from dataclasses import replace
from typing import Any

from textual.content import Content

from cdg_tui.i18n import Words
from cdg_tui.looks.looking import Looking
from cdg_tui.screens.settings_dialog import SettingsDialog
from cdg_tui.settings import Settings

_MOST_TOLD = 2  # of what is wrong with the file; the rest is told when the console ends


class SettingsLooks(Looking):
    """Each method is one action."""

    def settings(self) -> None:
        app, before = self._app, self._app.settings
        access = app.sentry.access
        if access.kiosk and not access.may_write(app.view().now_s):
            # Whoever passes by must not silence its bell for good.
            app.say(app.words("access.read_only"), trouble=True)
            return
        wrong = {complaint.key for complaint in app.complaints}
        dialog = SettingsDialog(app.words, before, wrong, self._about, self._try)
        app.push_screen(dialog, lambda chosen: self._settle(before, chosen))

    def redraw(self) -> None:
        self._app.redraw()

    def _about(self, words: Words) -> Content:
        """The file, and what is wrong with it."""
        app = self._app
        lines = [complaint.told(words, app.file.name) for complaint in app.complaints]
        rest = [words("settings.more", n=len(lines) - _MOST_TOLD)] if len(lines) > _MOST_TOLD else []
        told = [Content.styled(line, "ansi_yellow") for line in [*lines[:_MOST_TOLD], *rest]]
        return Content("\n").join([*told, Content.styled(words("settings.file", file=app.file.shown), "dim")])

    def _try(self, settings: Settings) -> Words:
        self._app.use(settings)
        return self._app.words

    def _settle(self, before: Settings, chosen: dict[str, Any] | None) -> None:
        app = self._app
        app.use(before if chosen is None else replace(before, **chosen))
        wrong = {complaint.key for complaint in app.complaints}
        kept = {
            name: value for name, value in (chosen or {}).items() if value != getattr(before, name) or name in wrong
        }
        if kept:
            app.run_worker(self._keep(kept), group="settings")

    async def _keep(self, values: dict[str, Any]) -> None:
        app = self._app
        if await asyncio.to_thread(app.file.write, values):
            app.complaints = tuple(one for one in app.complaints if one.key not in values)
            app.say(app.words("settings.kept", file=app.file.name))
        else:
            app.say(app.words("settings.not_kept", file=app.file.name), trouble=True)
