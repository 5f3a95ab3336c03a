"""The words: both languages say the same things, everything the core can send has a word, and no word is for nothing."""

import ast
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from cdg_tui.actions import ACTIONS, PAGES
from cdg_tui.calls import DENIALS
from cdg_tui.commands.cabinets import BACK, OUT, WORKED, WORKS
from cdg_tui.commands.cases import GOODS, REMARKS, SHELVING, TAKEN
from cdg_tui.commands.endpoints import REASONS
from cdg_tui.commands.spans import SPANS as LASTING
from cdg_tui.course import CONTACTS
from cdg_tui.i18n import LANGUAGES, Language, Words, language_of, texts
from cdg_tui.screens.live_reader import KINDS
from cdg_tui.screens.recover_dialog import SPANS
from cdg_tui.settings import CHOICES, Wrong
from cdg_tui.store import LinkState
from core.webhooks.deliveries import Status
from core.wire import SourceInfo
from core.wire_audit import Outcome
from core.wire_stream import LogLevel
from tests.cdg_tui import core_codes

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cdg_tui").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
ZH, EN = texts("zh"), texts("en")

# Groups whose keys are codes: what these codes are. `cause` and `fault` hold some more, see below.
CODES: dict[str, frozenset[str]] = {
    **core_codes.ENUMS,
    "problem": core_codes.problem_codes(),
    "skip": core_codes.skip_codes(),
    "result": frozenset({"delivered", "failed", "skipped", "would_attempt"}),
    "link": frozenset(LinkState),
    "page": frozenset(PAGES),
    "empty": frozenset(PAGES),
    "action": frozenset(action.id for action in ACTIONS),
    "time": frozenset({"seconds", "minutes", "hours", "days"}),
    "contact": frozenset(f"{what}_{state}" for what in CONTACTS for state in ("on", "off")),
    "delivery": frozenset({"sending", "held", "due", "waiting", "behind", "stuck"}),
    "uplink": core_codes.ENUMS["network"] - {"unknown", "online"},
    "since": frozenset(SPANS),
    "level": frozenset(get_args(LogLevel)),
    "outcome": frozenset(get_args(Outcome)),
    "source": frozenset(get_args(SourceInfo.__annotations__["state"])),
    "standing": frozenset(Status),
    "because": frozenset(REASONS),
    "taken": frozenset(TAKEN),
    "goods": frozenset(GOODS),
    "remark": frozenset(REMARKS),
    "shelving": frozenset(SHELVING),
    "works": frozenset(WORKS),
    "out": frozenset(OUT),
    "back": frozenset(BACK),
    "worked": frozenset(WORKED),
    "span": frozenset(LASTING),
    "complaint": frozenset(Wrong),
    "option": frozenset({*(value for values in CHOICES.values() for value in values), "on", "off"}),
}
CALLED = r"(^|\.)_?(words|WORDS|Words\(.*\))$"  # what is called where words are asked for
MODBUS_EXCEPTIONS = frozenset(f"exception_{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11))


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def literals() -> dict[str, str]:
    """Every text in the console's source that has the form of a key, and where it stands."""
    return {
        node.value: f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z]+\.\w+", node.value)
    }


def asked_for(sources: Sequence[Path]) -> dict[str, str]:
    """Every literal that is handed to the words, also where it is one of two."""
    found: dict[str, str] = {}
    for path in sources:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and re.search(CALLED, ast.unparse(call.func)):
                assert not isinstance(call.args[0], ast.BinOp), f"{path.name}:{call.lineno}: a key is put together"
                leaves = [] if isinstance(call.args[0], ast.JoinedStr) else list(ast.walk(call.args[0]))
                places = {
                    leaf.value for leaf in leaves if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
                found |= {key: f"{path.name}:{call.lineno}" for key in places if re.fullmatch(r"[a-z]+\..+", key)}
    return found


def groups_by_code() -> set[str]:
    """The groups of which a key is chosen at run time: `words.of("group", …)`, `self.of` inside Words, or an f-string of it."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("words.of", "self.of")):
                found |= {leaf.value for leaf in node.args[:1] if isinstance(leaf, ast.Constant)}
            elif isinstance(node, ast.JoinedStr) and (key := re.match(r"f'([a-z]+)\.", ast.unparse(node))):
                found.add(key[1])
    return {str(group) for group in found}


@pytest.mark.requirement(18)
def test_both_languages_have_the_same_keys() -> None:
    assert ZH.keys() == EN.keys()


@pytest.mark.requirement(18)
def test_both_languages_fill_in_the_same_names() -> None:
    assert {key: names_in(text) for key, text in ZH.items()} == {key: names_in(text) for key, text in EN.items()}


def test_every_key_that_is_asked_for_exists() -> None:
    groups = {key.partition(".")[0] for key in ZH}
    wanted = asked_for(SOURCES) | {key: place for key, place in literals().items() if key.partition(".")[0] in groups}
    assert {key: place for key, place in wanted.items() if key not in ZH} == {}


def test_no_test_waits_for_a_word_that_is_gone() -> None:
    assert {key: place for key, place in asked_for(TESTS).items() if key not in ZH} == {}


def test_no_word_is_for_nothing() -> None:
    """Every key stands in the source, or in a group of which a code chooses."""
    used, groups = literals(), groups_by_code()
    assert [key for key in ZH if key not in used and key.partition(".")[0] not in groups] == []


@pytest.mark.parametrize("group", CODES)
def test_every_code_has_its_word_and_every_word_its_code(group: str) -> None:
    worded = {key.partition(".")[2] for key in ZH if key.partition(".")[0] == group}
    assert worded == set(CODES[group])


def test_everything_that_can_be_wrong_with_a_sensor_has_a_word() -> None:
    """Of what a Modbus unit answers the exceptions of its specification; others stand for themselves."""
    worded = {key.removeprefix("fault.") for key in ZH if key.startswith("fault.")}
    assert worded == core_codes.fault_codes() - {"exception_"} | MODBUS_EXCEPTIONS


def test_everything_that_the_audit_tells_of_has_a_word_and_so_has_every_kind_of_it() -> None:
    worded = {key.removeprefix("did.") for key in ZH if key.startswith("did.")}
    assert worded >= core_codes.deed_codes() | set(KINDS[1:])
    assert not [kind for kind in KINDS[1:] if not [word for word in worded - {kind} if word.startswith(kind[:-1])]]


def test_every_way_not_to_get_an_answer_and_every_refusal_has_a_word() -> None:
    worded = {key.removeprefix("cause.") for key in ZH if key.startswith("cause.")}
    assert worded == core_codes.refusal_codes() | causes_of_the_console()


def causes_of_the_console() -> set[str]:
    tree = ast.parse((ROOT / "cdg_tui" / "calls.py").read_text(encoding="utf-8"))
    raised = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error")
    ]
    first = [call.args[0] for call in raised if call.args]
    return {str(cause.value) for cause in first if isinstance(cause, ast.Constant)} | {"silence", *DENIALS}


@pytest.mark.requirement(18)
def test_chinese_is_chinese() -> None:
    """No English sentence was left where a word was to come."""
    names = r"\{\w+\}|HTTP|JSON|Esc|Enter|Tab|Ctrl|F5|j k|zh 中文|en English|cdg-core operator add"
    assert [key for key, text in ZH.items() if re.search(r"[A-Za-z]{2,}", re.sub(names, "", text))] == []


@pytest.mark.requirement(18)
def test_chinese_has_the_words_of_the_trade() -> None:
    """Who drains lets water or refrigerant out; what cabinets do is 报警, and a bell is silenced until the next one."""
    assert [key for key, text in ZH.items() if re.search("排空|告警|静音", text)] == []


def test_no_word_for_maintenance_can_be_taken_for_one_of_service() -> None:
    """In maintenance a cabinet is judged, out of service it is not."""
    about = {key: EN[key] for key in EN if key.endswith((".maintenance", ".maintained")) or "maintenance" in EN[key]}
    assert {key: text for key, text in about.items() if re.search(r"\bserv", text, re.IGNORECASE)} == {
        "cause.out_of_service": EN["cause.out_of_service"]  # which tells them apart
    }


def test_whatever_failed_and_goes_on_is_said_to_have_been_started_again_in_the_same_words() -> None:
    """Not restarted: that could be the box."""
    loops = {key for key in ZH if key.startswith("problem.") and re.search("出过错|出错，", ZH[key])}
    assert {key for key in loops if not ZH[key].endswith("出过错，已重新开始")} == {"problem.judging_failed"}


@pytest.mark.requirement(18)
@pytest.mark.parametrize(
    ("flag", "chosen", "configured", "environment", "language"),
    [
        ("en", "zh", "zh", {"LC_ALL": "zh_CN.UTF-8"}, "en"),
        (None, "zh", "en", {"LC_ALL": "en_US.UTF-8"}, "zh"),
        (None, "auto", "zh", {"LC_ALL": "en_US.UTF-8"}, "zh"),
        (None, None, "zh", {"LC_ALL": "en_US.UTF-8"}, "zh"),
        (None, None, None, {"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, "en"),
        (None, None, None, {"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_US"}, "zh"),
        (None, None, None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, None, None, {"LANG": "zh-Hans"}, "zh"),
        (None, None, None, {"LANG": "ZH_CN"}, "zh"),
        (None, None, None, {"LANG": "C"}, "en"),
        (None, None, None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, "auto", None, {}, "en"),
        (None, None, "klingon", {"LANG": "zh_CN"}, "zh"),
        (None, None, 5, {}, "en"),
    ],
)
def test_who_decides_the_language(
    flag: Language | None, chosen: object, configured: object, environment: dict[str, str], language: Language
) -> None:
    """The flag, the user, the configuration, then LC_ALL, LC_MESSAGES, LANG; English where nothing is known."""
    assert language_of(flag, chosen, configured, environment) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_of_a_later_version_stands_for_itself(language: Language) -> None:
    assert Words(language).of("kind", "battery_low") == "battery_low"


def test_a_text_that_is_filled_in_may_hold_braces() -> None:
    assert Words("en")("notice.refused", why="{odd} {0}") == "not done: {odd} {0}"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172799, "47h"),
        (172800, "2d"),
    ],
)
def test_a_duration_is_said_in_its_largest_whole_unit(seconds: float, shown: str) -> None:
    assert Words("en").lasting(seconds) == shown
