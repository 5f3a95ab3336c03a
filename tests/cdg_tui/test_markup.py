"""Nothing hands text to anything that reads markup: `[/x]` in a cabinet's name must neither vanish nor end the console."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CONSOLE = Path(__file__).parents[2] / "cdg_tui"
SOURCES = sorted(CONSOLE.rglob("*.py"))

# Widgets of Textual that are used as they come: Input shows its value and placeholder as they are.
PLAIN_WIDGETS = {"Input"}
# Static reads markup unless it is told not to; these attributes and calls of Textual always do, where they get a str.
READING_ATTRIBUTES = {"title", "sub_title", "border_title", "border_subtitle", "tooltip", "loading_message", "help"}
READING_CALLS = {"notify", "from_markup", "render_str", "set_tooltip", "bell_message", "print", "panic"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def widgets_imported(tree: ast.Module) -> set[str]:
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and "textual.widgets" in n.module]
    return {alias.name for node in nodes for alias in node.names}


def sinks(tree: ast.Module) -> Iterator[str]:
    """Every place where a str would be read as markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr in READING_ATTRIBUTES:
                    yield f"{node.lineno}: {target.attr} ="
        elif isinstance(node, ast.Call) and name_of(node.func) in READING_CALLS:
            yield f"{node.lineno}: {name_of(node.func)}()"
        elif isinstance(node, ast.FunctionDef) and node.name == "render" and _given(node) != "Content":
            yield f"{node.lineno}: render() gives something else than a Content"


def _given(function: ast.FunctionDef) -> str:
    return "" if function.returns is None else ast.unparse(function.returns)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CONSOLE)))
def test_no_text_is_given_to_what_reads_markup(path: Path) -> None:
    found = list(sinks(tree_of(path)))
    allowed = {"__main__.py", "status.py", "demo/host.py"}  # before and after the screen: there print is print
    assert [place for place in found if not (str(path.relative_to(CONSOLE)) in allowed and "print" in place)] == []


def test_static_stands_behind_line_alone_and_every_other_widget_is_plain() -> None:
    """A new widget of Textual's wants a look at what it does with a str."""
    used = {str(path.relative_to(CONSOLE)): widgets_imported(tree_of(path)) for path in SOURCES}
    assert {path for path, names in used.items() if "Static" in names} == {"widgets/line.py"}
    assert set().union(*used.values()) - {"Static"} <= PLAIN_WIDGETS


def test_line_reads_no_markup_and_takes_content_only() -> None:
    tree = tree_of(CONSOLE / "widgets" / "line.py")
    starts = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "super().__init__"]
    assert [ast.unparse(k.value) for call in starts for k in call.keywords if k.arg == "markup"] == ["False"]
    [show] = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "show"]
    assert [ast.unparse(arg.annotation) for arg in show.args.args[1:] if arg.annotation] == ["Content"]


@pytest.mark.parametrize(
    "line",
    [
        "self.notify(text)",
        "app.title = name",
        "self.border_title = name",
        "self.tooltip: str = name",
        "Content.from_markup(text)",
        "def render(self) -> str: ...",
        "def render(self): ...",
    ],
)
def test_what_would_be_read_is_found(line: str) -> None:
    assert len(list(sinks(ast.parse(line)))) == 1
