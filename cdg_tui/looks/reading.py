"""Help, the filter, all about a row, and news at once."""

from cdg_tui.looks.looking import Looking
from cdg_tui.screens.help import help_text
from cdg_tui.screens.reader import Reader, RowReader


class ReadingLooks(Looking):
    """Each method is one action."""

    def help(self) -> None:
        text = help_text(self._app.words, self._app.page.id)
        self._app.push_screen(Reader(self._app.words, self._app.words("help.title"), lambda: text))

    def filter(self) -> None:
        self._app.page_screen.ask_filter()

    def details(self) -> None:
        app, key = self._app, self._app.cursor_key
        if key is None:
            return
        reader = RowReader(app.page, key, app.view)
        app.push_screen(reader)
        if app.client is not None:
            from cdg_tui.lookups import read_attempts, read_course

            # Workers of the box itself: they end with it.
            if key in app.store.retries:
                reader.run_worker(read_attempts(app.client, key, reader))
            else:
                reader.run_worker(read_course(app.client, reader, app.view))

    def refresh(self) -> None:
        self._app.poke()
