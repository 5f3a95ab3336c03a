"""The codes that the core can send, read from its own enums and source: a new one without words fails the test."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from cdg_tui.calls import OF_A_PIN
from core.events import EventType, Severity
from core.monitoring.cases import Condition, Handling, Kind
from core.monitoring.course import Hold
from core.monitoring.health import ILLS
from core.monitoring.presets import Medium
from core.samples import Quantity
from core.webhooks.deliveries import DeadLetterReason, ErrorClass, Trigger
from core.webhooks.network import NetworkState
from core.webhooks.standings import Hold as Holdup
from core.wire import STATES, Durability, EndpointState

CORE = Path(__file__).parents[2] / "core"

ENUMS: dict[str, frozenset[str]] = {
    "severity": frozenset(Severity),
    "kind": frozenset(Kind),
    "condition": frozenset(Condition),
    "handling": frozenset(Handling),
    "event": frozenset(EventType),
    "quantity": frozenset(Quantity),
    "trigger": frozenset(Trigger),
    "error": frozenset(ErrorClass),
    "hint": frozenset(ErrorClass),
    "endpoint": frozenset(get_args(EndpointState)),
    "holdup": frozenset(Holdup),
    "network": frozenset(NetworkState),
    "reason": frozenset(DeadLetterReason),
    "durability": frozenset(Durability),
    "state": frozenset(STATES),
    "hold": frozenset(Hold),
    "held": frozenset(Hold),
    "medium": frozenset(Medium),
}

# Where a delivery can be refused to be sent by a drain.
REFUSING = frozenset({"get", "claim_one", "retry", "_wait_by_hand_s", "refuse_held", "_refuse_unreachable"})

# Of routes that the console never asks.
NEVER_ASKED = frozenset(
    {
        "malformed_request",
        "config_invalid",
        "config_changed",
        "audit_not_readable",
        "config_not_writable",
        "not_ready",
        "filter_not_with_since_seq",
        "idempotency_key_reused",
        "stopped",
        "too_many_streams",
        "close_needs_force",
        "export_busy",
        "pdf_unavailable",
        "recovery_unbounded",
    }
)


def problem_codes() -> frozenset[str]:
    """What `status` can complain of."""
    guard, board = _tree(CORE / "guard.py"), _tree(CORE / "manage_api" / "status.py")
    named = {code for tree in (guard, board) for code in _subscripts(tree, "found")}
    loops = {*_first_arguments(guard, "_keep_running"), *_keys(guard, "others")}
    of_journals = {f"{name}{ill}" for name in _keys(guard, "_journals") for ill in ("_not_durable", "_degraded")}
    named |= _keys(guard, "told")
    return frozenset(named | of_journals | {f"{name}_failed" for name in loops})


def refusal_codes() -> frozenset[str]:
    """What a request of the console can be refused with; of 401 and 403 the client tells only some apart."""
    found = {
        _text(call.args[1])
        for path in CORE.rglob("*.py")
        for call in _calls(_tree(path), {"RefusalError", "RequestError", "HalfDoneError"})
        if isinstance(call.args[0], ast.Constant) and call.args[0].value not in {401, 403}
    }
    return frozenset(found) - NEVER_ASKED | OF_A_PIN


def deed_codes() -> frozenset[str]:
    """What the audit calls what was done; of several routes that are made alike, the name that differs is left out."""
    given = [
        keyword.value
        for path in CORE.rglob("*.py")
        for call in _calls(_tree(path), {"Audited", "Deed"})
        for keyword in call.keywords
        if keyword.arg == "what"
    ]
    return frozenset(_text(value) for value in given if isinstance(value, ast.Constant))


def skip_codes() -> frozenset[str]:
    """Why a drain can leave a delivery out: what refuses to send one by hand."""
    tree = ast.Module(
        [
            node
            for path in ("entries.py", "retry_queue.py", "dispatcher.py")
            for node in ast.walk(_tree(CORE / "webhooks" / path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in REFUSING
        ],
        [],
    )
    return frozenset(_text(call.args[1]) for call in _calls(tree, {"RefusalError"})) | {"shutdown"}


def fault_codes() -> frozenset[str]:
    """What can be wrong with a sensor: of a whole source, of one value, or of the driver; and with the box itself."""
    drivers = [_tree(path) for path in (CORE / "sensors").rglob("*.py")]
    gate, polling = _tree(CORE / "monitoring" / "readings.py"), _tree(CORE / "monitoring" / "polling.py")
    found = {code for tree in drivers for code in _first_arguments(tree, "SensorError")}
    found |= {code for tree in (*drivers, gate) for code in _returned(tree)}
    found |= {_text(call.args[1]) for call in _calls(gate, {"_suspect"})}
    return frozenset(found | _assigned(polling, "code") | set(ILLS))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), ast.unparse(node)
    assert isinstance(node.value, str), ast.unparse(node)
    return node.value


def _calls(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            yield node


def _first_arguments(tree: ast.AST, name: str) -> set[str]:
    given = [call.args[0] for call in _calls(tree, {name})]
    return {_text(first) for first in given if isinstance(first, ast.Constant)}


def _subscripts(tree: ast.AST, name: str) -> set[str]:
    places = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and ast.unparse(node.value) == name]
    return {_text(place.slice) for place in places if isinstance(place.slice, ast.Constant)}


def _keys(tree: ast.AST, name: str) -> set[str]:
    """The keys of the dict that is assigned to this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).rpartition(".")[2] == name:
            assert isinstance(node.value, ast.Dict)
            return {_text(key) for key in node.value.keys if key is not None}
    raise AssertionError(f"{name} is assigned nowhere")


def _returned(tree: ast.AST) -> set[str]:
    """Texts that are handed back as they stand; what a text is only compared with is none of them."""
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    compared = {id(leaf) for node in ast.walk(tree) if isinstance(node, ast.Compare) for leaf in ast.walk(node)}
    leaves = [leaf for value in returned if not isinstance(value, ast.Call | ast.JoinedStr) for leaf in ast.walk(value)]
    constants = [leaf for leaf in leaves if isinstance(leaf, ast.Constant) and id(leaf) not in compared]
    words = [constant.value for constant in constants if isinstance(constant.value, str)]
    return {word for word in words if word.isidentifier() and word.islower()}


def _assigned(tree: ast.AST, name: str) -> set[str]:
    """The texts that this name gets where two are assigned at once."""
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            for target, value in zip(node.targets[0].elts, node.value.elts, strict=True):
                if ast.unparse(target) == name and isinstance(value, ast.Constant):
                    found.add(_text(value))
    return found
