"""What the box itself has to tell: its log, its configuration, and who changed what."""

from cdg_tui.looks.looking import Looking
from cdg_tui.lookups import read_audit, read_config, read_log
from cdg_tui.screens.documents import config_about, config_text
from cdg_tui.screens.live_reader import AuditReader, DocumentReader, LogReader
from core.wire_config import Config


class BoxLooks(Looking):
    """Each method is one action."""

    def log(self) -> None:
        self._open(LogReader(self._app.view, self._app.words("log.title"), self._read_log), self._read_log)

    def configuration(self) -> None:
        title = self._app.words("configuration.title")
        reader = DocumentReader[Config](self._app.view, title, config_text, config_about)
        self._open(reader, self._read_config)

    def audit(self) -> None:
        self._open(AuditReader(self._app.view, self._app.words("audit.title"), self._read_audit), self._read_audit)

    def _read_log(self, reader: LogReader) -> None:
        self._follow(reader, lambda client: read_log(client, reader))

    def _read_config(self, reader: DocumentReader[Config]) -> None:
        self._follow(reader, lambda client: read_config(client, reader))

    def _read_audit(self, reader: AuditReader) -> None:
        self._follow(reader, lambda client: read_audit(client, reader))
