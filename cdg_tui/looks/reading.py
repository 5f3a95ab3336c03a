"""Help, the filter, all about a row, and news at once."""

from dataclasses import replace

from cdg_tui.actions import on_page
from cdg_tui.looks.looking import Looking
from cdg_tui.screens.dead import group_key
from cdg_tui.screens.help import help_text
from cdg_tui.screens.palette import Palette
from cdg_tui.screens.reader import Reader, RowReader


class ReadingLooks(Looking):
    """Each method is one action."""

    def help(self) -> None:
        text = help_text(self._app.words, self._app.page.id, self._app.actions)
        self._app.push_screen(Reader(self._app.words, self._app.words("help.title"), lambda: text))

    def filter(self) -> None:
        self._app.page_screen.ask_filter()

    async def palette(self) -> None:
        app = self._app
        chosen = await app.push_screen_wait(Palette(app.words, on_page(app.page.id)))
        if chosen is not None:
            await app.action_act(chosen)

    def details(self) -> None:
        app, key = self._app, self._app.cursor_key
        if key is None:
            return
        screen = app.page_screen
        if screen.asked.folded:
            group = next((group for group in app.store.groups if group_key(group) == key), None)
            if group is not None:
                screen.want(replace(screen.asked, folded=False, group=(group.endpoint, group.reason)))
            return
        reader = RowReader(app.page, key, screen.view)
        app.push_screen(reader)
        if app.client is not None:
            from cdg_tui.lookups import read_attempts, read_course

            # Workers of the box itself: they end with it.
            if app.page.windowed(screen.asked):
                reader.run_worker(read_attempts(app.client, key, reader))
            else:
                reader.run_worker(read_course(app.client, reader, app.view))

    def refresh(self) -> None:
        self._app.poke()
