"""Imports point one way: the rooms' order, the pure modules' abstinence, and no screen library in the core."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LOOPS = (
    "core.monitoring.monitor",
    "core.monitoring.posts",
    "core.monitoring.polling",
    "core.monitoring.windows",
    "core.monitoring.casework",
    "core.monitoring.health",
    "core.webhooks.channels",
    "core.webhooks.reception",
    "core.webhooks.dispatcher",
    "core.webhooks.drains",
    "core.webhooks.recovery",
    "core.webhooks.bounds",
    "core.webhooks.escalation",
    "core.device",
)
PURE = (
    "core.monitoring.readings",
    "core.monitoring.rules",
    "core.monitoring.course",
    "core.monitoring.contacts",
    "core.monitoring.answers",
    "core.monitoring.budget",
    "core.monitoring.rise",
    "core.monitoring.outages",
    "core.monitoring.judges",
    "core.monitoring.handling",
    "core.monitoring.service",
    "core.monitoring.chatter",
    "core.monitoring.running",
    "core.sensors.cabinet_model",
    "core.monitoring.cases",
    "core.monitoring.presets",
    "core.monitoring.in_force",
    "core.monitoring.labels",
    "core.monitoring.statistics",
    "core.monitoring.series",
    "core.monitoring.abreast",
    "core.webhooks.retry_policy",
    "core.webhooks.schedule",
    "core.webhooks.gate",
    "core.webhooks.censor",
    "core.webhooks.paces",
    "core.webhooks.standings",
    "core.webhooks.network",
    "core.webhooks.signing",
    "core.webhooks.kinds",
    "core.webhooks.verdicts",
    "core.webhooks.deliveries",
    "core.webhooks.accounts",
    "core.webhooks.filters",
    "core.webhooks.entry",
    "core.webhooks.index",
    "core.webhooks.orders",
    "core.webhooks.counters",
    "core.config_lines",
)
# As pure, each on the layer of its room.
PURE_IN_THEIR_ROOMS = (
    "core.config_checks",
    "core.journal.lines",
    "core.record.cells",
    "core.record.facts",
    "core.record.local_time",
    "core.record.tally",
    "core.record.words",
    "core.manage_api.crowd",
    "core.manage_api.event_ring",
    "core.manage_api.exposition",
)
VALUES = (
    "core.settings",
    "core.samples",
    "core.events",
    "core.wire",
    "core.wire_history",
    "core.wire_endpoints",
    "core.wire_audit",
    "core.wire_access",
    "core.wire_stream",
    "core.wire_config",
    "core.wire_cases",
    "core.wire_windows",
    "core.errors",
)

# From the top down; a module may import only from layers below its own, or its own package's neighbours on the same one.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("core.__main__",),
    (
        "core.guard",
        "core.access_commands",
        "core.data_directory",
        "core.verify",
        "core.backtest",
        "core.backtest_csv",
        "core.backtest_history",
        "core.backtest_terms",
        "core.export",
    ),
    ("core.manage_api",),
    ("core.record",),
    LOOPS,
    ("core.audit", "core.monitoring.case_book", "core.monitoring.history", "core.webhooks.retry_queue"),
    ("core.monitoring.outbox", "core.monitoring.minute_file", "core.webhooks.ages", "core.webhooks.entries"),
    ("core.monitoring.minutes", "core.monitoring.minute_schema"),
    (
        "core.config",
        "core.config_edit",
        "core.config_read",
        "core.config_checks",
        "core.webhooks.sender",
        "core.webhooks.transport",
        "core.webhooks.connection",
        "core.webhooks.failures",
        "core.webhooks.local_command",
        "core.sensors",
    ),
    ("core.journal",),
    ("core.threads", "core.clock", "core.logs", "core.places", "core.renewing", "core.webhooks.tls"),
    ("core.certificates",),
    PURE,
    (*VALUES, "core.monitoring", "core.webhooks"),
    ("core",),
)

# The console, from the top down; TYPE_CHECKING imports don't count: a screen may name its app, not need it.
CONSOLE_LAYERS: tuple[tuple[str, ...], ...] = (
    ("cdg_tui.__main__",),
    ("cdg_tui.app", "cdg_tui.status"),
    ("cdg_tui.shell",),
    ("cdg_tui.commands", "cdg_tui.looks", "cdg_tui.lookups", "cdg_tui.arguments", "cdg_tui.sentry"),
    ("cdg_tui.screens", "cdg_tui.demo"),
    ("cdg_tui.widgets", "cdg_tui.feed", "cdg_tui.session"),
    (
        "cdg_tui.client",
        "cdg_tui.worker",
        "cdg_tui.terminal",
        "cdg_tui.settings_file",
        "cdg_tui.surface",
        "cdg_tui.probe",
    ),
    ("cdg_tui.calls",),
    (
        "cdg_tui.summary",
        "cdg_tui.access",
        "cdg_tui.alarms",
        "cdg_tui.store",
        "cdg_tui.errors",
        "cdg_tui.course",
        "cdg_tui.chart",
        "cdg_tui.payload",
        "cdg_tui.text",
        "cdg_tui.i18n",
        "cdg_tui.actions",
        "cdg_tui.settings",
        "cdg_tui.keymap",
        "cdg_tui.glyphs",
        "cdg_tui.filters",
        "cdg_tui.colours",
        "cdg_tui.clock",
    ),
    ("cdg_tui",),
)
CONSOLE_PURE = (
    "cdg_tui.access",
    "cdg_tui.actions",
    "cdg_tui.summary",
    "cdg_tui.settings",
    "cdg_tui.keymap",
    "cdg_tui.alarms",
    "cdg_tui.store",
    "cdg_tui.course",
    "cdg_tui.chart",
    "cdg_tui.payload",
    "cdg_tui.text",
    "cdg_tui.glyphs",
    "cdg_tui.widgets.rows",
    *(
        f"cdg_tui.screens.{name}"
        for name in ("page", "overview", "cabinet", "cases", "course_text", "retries", "dead", "device")
    ),
    *(f"cdg_tui.screens.{name}" for name in ("bars", "help", "detail", "endpoint", "box", "documents")),
    *(f"cdg_tui.screens.{name}" for name in ("alarm_line", "big", "hanging", "parts", "tiles")),
)
DRAWING = ("textual.app", "textual.screen", "textual.widget", "textual.widgets", "textual.containers")

WORLDLY = {"asyncio", "httpx", "logging", "os", "random", "socket", "subprocess", "threading", "time", "tempfile"}
PURE_EXCEPTIONS = {
    ("core.webhooks.retry_policy", "random"),
    ("core.sensors.cabinet_model", "random"),
}  # the type of the chance that is handed in

LONGEST_FILE = 300
# One list of values each: splitting it would only hide where an answer or a key is described.
LONGER = {"core/wire.py": 600, "core/settings.py": 400}


def modules(package: str) -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """Every imported module by its full name; `from core import x` counts as core.x where that is a module."""
    yield from imports_of(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports_of(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in KNOWN else node.module for name in names)


def needed(path: Path) -> Iterator[str]:
    """As `imports`, but for what stands under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_named = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and isinstance(branch.test, ast.Name) and branch.test.id == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    yield from imports_of(node for node in ast.walk(tree) if id(node) not in only_named)


CORE = modules("core")
CONSOLE = modules("cdg_tui")
KNOWN = {**CORE, **CONSOLE}


def layer_of(module: str, layers: tuple[tuple[str, ...], ...] = LAYERS) -> int:
    """The number of the layer whose longest prefix names this module."""
    matches = [
        (len(prefix), level)
        for level, prefixes in enumerate(layers)
        for prefix in prefixes
        if module == prefix or (module.startswith(prefix + ".") and prefix not in {"core", "cdg_tui"})
    ]
    assert matches, f"{module} stands in no layer: give it one in tests/test_layers.py"
    return max(matches)[1]


@pytest.mark.parametrize("module", CORE)
def test_imports_point_downwards(module: str) -> None:
    package = module.rpartition(".")[0]
    for imported in imports(CORE[module]):
        if imported not in CORE:
            continue
        below = layer_of(imported) > layer_of(module)
        neighbour = layer_of(imported) == layer_of(module) and (
            imported.rpartition(".")[0] in {package, module}
            or layer_of(module) in {layer_of(LOOPS[0]), layer_of(VALUES[0])}
        )
        assert below or neighbour or imported == package, f"{module} must not import {imported}"


@pytest.mark.parametrize(
    "module",
    [*PURE, *PURE_IN_THEIR_ROOMS, *(name for name in VALUES if name != "core.settings")],
)
def test_pure_modules_touch_nothing_of_the_world(module: str) -> None:
    touched = {name.partition(".")[0] for name in imports(CORE[module])} & WORLDLY
    assert not {name for name in touched if (module, name) not in PURE_EXCEPTIONS}


def test_monitoring_and_webhooks_do_not_know_each_other() -> None:
    for module, path in CORE.items():
        if module.startswith("core.monitoring"):
            assert not [name for name in imports(path) if name.startswith("core.webhooks")]
        if module.startswith("core.webhooks"):
            assert not [name for name in imports(path) if name.startswith(("core.monitoring", "core.sensors"))]


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_no_screen(module: str) -> None:
    names = {name.partition(".")[0] for name in imports(CORE[module])}
    assert not names & {"cdg_tui", "textual", "rich"}


@pytest.mark.parametrize("module", CONSOLE)
def test_the_console_knows_only_the_contract_of_the_core(module: str) -> None:
    of_core = {name for name in imports(CONSOLE[module]) if name.partition(".")[0] == "core"}
    assert of_core <= {name for name in VALUES if name.startswith("core.wire")} | {"core.errors", "core.places"}


@pytest.mark.parametrize("module", CONSOLE)
def test_the_console_is_built_downwards_too(module: str) -> None:
    for imported in needed(CONSOLE[module]):
        if imported in CONSOLE:
            level, below = layer_of(module, CONSOLE_LAYERS), layer_of(imported, CONSOLE_LAYERS)
            assert below >= level, f"{module} must not import {imported}"


@pytest.mark.parametrize("module", CONSOLE_PURE)
def test_what_decides_about_the_screens_draws_nothing_and_touches_nothing(module: str) -> None:
    names = set(needed(CONSOLE[module]))
    assert not {name.partition(".")[0] for name in names} & WORLDLY
    assert not [name for name in names if name.startswith(DRAWING)]


@pytest.mark.requirement(21)
def test_the_first_frame_needs_no_http_library() -> None:
    """And what is said before it, such as a wrong option, no screen library."""
    assert loaded("cdg_tui.app", "httpx") == "[]"
    assert loaded("cdg_tui.__main__", "textual") == "[]"


def loaded(module: str, library: str) -> str:
    found = f"[name for name, found in sys.modules.items() if found and name.partition('.')[0] == {library!r}]"
    program = f"import sys, {module}; print({found})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.requirement(21)
def test_a_running_core_loads_neither_textual_nor_rich() -> None:
    """Every module of the core in one process, the drivers too: nothing that draws gets in. None needs fpdf to be there."""
    program = "import sys; sys.modules['fpdf'] = None\n"
    program += "\n".join([f"import {name}" for name in CORE if name != "core.__main__"])
    program += "\nprint(sorted({m.partition('.')[0] for m in sys.modules} & {'textual','rich','pygments'}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [*CORE.values(), *CONSOLE.values()], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_owns_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with what it owns"
    assert len(text.splitlines()) <= LONGER.get(str(path.relative_to(ROOT)), LONGEST_FILE)
