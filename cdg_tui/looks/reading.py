"""Help, the filter, all about a row, and news at once."""

from dataclasses import replace

from cdg_tui.actions import on_page
from cdg_tui.looks.looking import Looking
from cdg_tui.payload import Payload
from cdg_tui.screens.dead import group_key
from cdg_tui.screens.documents import payload_about, payload_text
from cdg_tui.screens.help import help_text
from cdg_tui.screens.live_reader import DocumentReader
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
        delivery = app.page.windowed(screen.asked)
        if delivery:
            reader.on_payload = self._payload
        else:
            reader.on_sensor = lambda: self._read_course(reader)
        app.push_screen(reader)
        if app.client is None:
            return
        from cdg_tui.lookups import read_case, read_delivery

        # Workers of the box itself: they end with it.
        if delivery:
            reader.run_worker(read_delivery(app.client, key, reader))
        else:
            self._read_course(reader)
        if app.page.id == "cases":
            reader.run_worker(read_case(app.client, key, reader))

    def _read_course(self, reader: RowReader) -> None:
        if self._app.client is not None:
            from cdg_tui.lookups import read_course

            self._follow(reader, read_course(self._app.client, reader, self._app.view))

    def _payload(self, delivery_id: str) -> None:
        words = self._app.words
        reader = DocumentReader[Payload](self._app.view, words("payload.title"), payload_text, payload_about)
        self._open(reader, lambda reader: self._read_payload(delivery_id, reader))

    def _read_payload(self, delivery_id: str, reader: DocumentReader[Payload]) -> None:
        if (client := self._app.client) is not None:
            from cdg_tui.lookups import read_document

            self._follow(reader, read_document(lambda: client.payload(delivery_id), reader))

    def refresh(self) -> None:
        self._app.poke()
