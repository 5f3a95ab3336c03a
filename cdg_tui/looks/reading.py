"""Help, the filter, all about a row, and news at once."""

from dataclasses import replace
from functools import partial

from cdg_tui.actions import on_page
from cdg_tui.looks.looking import Looking
from cdg_tui.lookups import read_document, read_row
from cdg_tui.payload import Payload
from cdg_tui.screens.dead import group_of
from cdg_tui.screens.documents import payload_about, payload_text
from cdg_tui.screens.help import help_text
from cdg_tui.screens.live_reader import DocumentReader
from cdg_tui.screens.palette import Palette
from cdg_tui.screens.reader import Reader, RowReader


class ReadingLooks(Looking):
    """Each method is one action."""

    def help(self) -> None:
        words, page, actions = self._app.words, self._screen.page.id, self._app.actions
        self._app.push_screen(Reader(words, words("help.title"), partial(help_text, words, page, actions)))

    def filter(self) -> None:
        self._screen.ask_filter()

    async def palette(self) -> None:
        app = self._app
        chosen = await app.push_screen_wait(Palette(app.words, on_page(self._screen.page.id, app.actions)))
        if chosen is not None:
            await app.action_act(chosen)

    def details(self) -> None:
        """All about the row; of a group of dead letters, its rows."""
        screen, key = self._screen, self._screen.cursor_key
        if screen.asked.folded:
            if (group := group_of(self._app.store, key)) is not None:
                screen.want(replace(screen.asked, folded=False, group=(group.endpoint, group.reason)))
        elif key is not None:
            self._open_row(RowReader(screen.page, key, screen.view))

    def _open_row(self, reader: RowReader) -> None:
        if self._screen.page.windowed(self._screen.asked):
            reader.on_payload = self._payload
        reader.on_sensor = lambda: self._read_row(reader)
        self._open(reader, self._read_row)

    def _read_row(self, reader: RowReader) -> None:
        self._follow(reader, lambda client: read_row(client, reader.known, self._screen.asked))

    def _payload(self, delivery_id: str) -> None:
        words = self._app.words
        reader = DocumentReader[Payload](self._app.view, words("payload.title"), payload_text, payload_about)
        self._open(reader, lambda reader: self._read_payload(delivery_id, reader))

    def _read_payload(self, delivery_id: str, reader: DocumentReader[Payload]) -> None:
        self._follow(reader, lambda client: read_document(lambda: client.payload(delivery_id), reader))

    def refresh(self) -> None:
        self._app.poke()
