"""Each of the console's twenty-five requirements has a test that names it."""

import ast
from collections import Counter
from pathlib import Path

from tests.cdg_tui.requirements import REQUIREMENTS

TESTS = Path(__file__).parents[1]


def marks() -> Counter[int]:
    """How many tests carry each number."""
    found: Counter[int] = Counter()
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
                found.update(int(ast.unparse(number)) for number in node.args)
    return found


def test_every_requirement_has_a_test_and_every_mark_a_requirement() -> None:
    assert set(marks()) == set(REQUIREMENTS)
