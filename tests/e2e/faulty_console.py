"""`python -m tests.e2e.faulty_console ARGUMENTS`: `cdg`, but that its list fails in the middle of being drawn on page 2."""

import sys

from textual.strip import Strip

from cdg_tui.__main__ import main
from cdg_tui.app import ConsoleApp
from cdg_tui.widgets.row_table import RowTable

_drawn = RowTable.render_line


def _failing(table: RowTable, y: int) -> Strip:
    assert isinstance(table.app, ConsoleApp)
    if table.app.page.id == "cases":
        secret = "s3cret-of-a-local"
        raise RuntimeError(f"broken on purpose, with {len(secret)} letters")
    return _drawn(table, y)


if __name__ == "__main__":
    RowTable.render_line = _failing  # type: ignore[assignment, method-assign]
    sys.exit(main())
