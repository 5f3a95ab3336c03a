"""The core's log, its configuration, its audit and what a delivery holds, as text. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.cells import cell_len
from textual.content import Content

from cdg_tui.payload import Payload
from cdg_tui.screens.page import View
from cdg_tui.text import NOTHING, cut, size
from core.wire_audit import AuditItem
from core.wire_config import Config
from core.wire_stream import LogItem

LONGEST: Final = 400  # of one text among many; a record of any length must not hold up the others
MOST_LINES: Final = 5000  # of one document

_LOG_STYLES: Final = {"critical": "bold red", "error": "red", "warning": "yellow"}
_LOG_MARKS: Final = {"critical": "!!", "error": "!!", "warning": "!"}
_OUTCOME_STYLES: Final = {"failed": "bold red", "cancelled": "yellow"}


def log_text(view: View, items: Sequence[LogItem]) -> Content:
    """A record each, the newest last."""
    if not items:
        return Content(view.words("log.nothing"))
    return Content("\n").join([_record(view, one) for one in items])


def _record(view: View, one: LogItem) -> Content:
    mark = f"{_LOG_MARKS.get(one.level, ''):<2}{view.words.of('level', one.level)}"
    text = f"{one.logger.removeprefix('core.')}: {one.text}"
    return Content.assemble(
        (view.clock(one.at), "dim"), " ", (mark, _LOG_STYLES.get(one.level, "")), " ", cut(text, LONGEST)
    )


def config_about(view: View, config: Config) -> str:
    """Which file, and whether the core runs on it."""
    words = view.words
    state = words("configuration.pending", n=len(config.pending)) if config.pending else words("configuration.in_force")
    return f"{config.path}  {state}"


def config_text(view: View, config: Config) -> Content:
    """Its tables, a key each line; what the running core doesn't use yet is marked."""
    words = view.words
    lines = [Content.styled(f"! {words('word.core_says', text=cut(hint, LONGEST))}", "yellow") for hint in config.hints]
    pending = set(config.pending)
    for line in _table(config.settings, ""):
        if isinstance(line, str):
            lines += [Content(""), Content.styled(f"[{cut(line, LONGEST)}]", "bold")]
            continue
        key, name, value = line
        if key in pending:
            pending.discard(key)
            lines.append(Content.styled(f"! {name} = {value}  <- {words('configuration.waits')}", "yellow"))
        else:
            lines.append(Content(f"  {name} = {value}"))
    # What the file no longer has stands nowhere in it.
    gone = [
        Content.styled(f"! {cut(key, LONGEST)}  <- {words('configuration.gone')}", "yellow") for key in sorted(pending)
    ]
    return Content("\n").join([*gone, *lines][:MOST_LINES])


def _table(table: dict[str, Any], at: str) -> Iterator[str | tuple[str, str, str]]:
    """Its own values first, then the tables in it: the name of each, and key, name and value of each value."""
    plain = [(name, value) for name, value in table.items() if not _tables(value) and value is not None]
    if at and plain:
        yield at
    for name, value in plain:
        yield _key(at, name), name, cut(_json(value), LONGEST)
    for name, value in table.items():
        for part, inner in _tables(value).items():
            yield from _table(inner, _key(_key(at, name), part) if part else _key(at, name))


def _tables(value: Any) -> dict[str, dict[str, Any]]:
    """A table as itself, a list of tables by their ids; none for anything else."""
    if isinstance(value, dict):
        return {"": value}
    if isinstance(value, list) and value and all(isinstance(one, dict) and "id" in one for one in value):
        return {str(one["id"]): one for one in value}
    return {}


def _key(at: str, name: str) -> str:
    """As the core names it: a step that is more than a word stands in quotes."""
    step = _json(name) if not name or set(name) & set(' ."') else name
    return f"{at}.{step}" if at else step


def audit_text(view: View, items: Iterable[AuditItem]) -> Content:
    """A deed each: what, to what, by whom; below it what was asked and what changed."""
    lines = [line for one in items for line in _deed(view, one)]
    return Content("\n").join(lines) if lines else Content(view.words("audit.nothing"))


def _deed(view: View, one: AuditItem) -> Iterator[Content]:
    words = view.words
    outcome = "" if one.outcome == "done" else f"  {words.of('outcome', one.outcome)}"
    parts = (words.of("did", one.what), _how_many(view, one), cut(one.subject or "", LONGEST))
    what = "  ".join(part for part in parts if part)
    yield Content.assemble(
        (view.clock(one.at), "dim"), "  ", (what, "bold"), (outcome, _OUTCOME_STYLES.get(one.outcome, ""))
    )
    via = "" if one.via is None else f" ({one.via})"
    by = "" if one.by is None else f"  {one.by}"
    yield Content.styled(f"  {cut(f'{one.actor}{via}{by}  {one.origin}', LONGEST)}", "dim")
    if asked := _asked(one):
        yield Content(f"  {cut(_json(asked), LONGEST)}")
    for change in one.changes:
        yield Content(f"  {cut(f'{change.key}: {_value(change.old)} -> {_value(change.new)}', LONGEST)}")


def _how_many(view: View, one: AuditItem) -> str:
    """Of what is done to one or to many with the same request, how many there were."""
    found = next((change.new for change in one.changes if change.key == "matched"), None)
    return "" if found is None else view.words("audit.matched", n=found)


def _asked(one: AuditItem) -> dict[str, Any]:
    """What was said with it, a reason above all; beside what changed only what that doesn't tell."""
    told = {change.key for change in one.changes}
    return {name: value for name, value in one.asked.items() if not told or (value and name not in told)}


def _value(value: Any) -> str:
    return NOTHING if value is None else _json(value)


def payload_about(view: View, payload: Payload) -> str:
    """Its size and fingerprint, which the receiver can compare."""
    return f"{size(payload.bytes)} {view.words('payload.bytes')}  sha256 {payload.sha256}"


def payload_text(view: View, payload: Payload) -> Content:  # noqa: ARG001 - a document's form
    """A member each line."""
    lines = _json(payload.body, indent=2).split("\n")
    return Content("\n".join(lines[:MOST_LINES]))


def _json(value: Any, indent: int | None = None) -> str:
    """Han as it is; of what terminals draw in different widths the number, as JSON can write it."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return (
        text if text.isascii() else "".join(c if c.isascii() or cell_len(c) == 2 else json.dumps(c)[1:-1] for c in text)
    )
