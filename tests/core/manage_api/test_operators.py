"""The operators' PINs in the tokens file: which are taken, and what is kept of one."""

import timeit
from functools import partial
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.manage_api.access_file import AccessFile, OperatorEntry, on_record, read_entries
from core.manage_api.operators import add_operator, is_pin_of, list_operators, remove_operator
from core.manage_api.table import Scope
from core.manage_api.tokens import add_token
from tests.fakes import FakeClock

PIN = "402817"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def an_operator(path: Path, name: str = "li", pin: str = PIN, scope: Scope = Scope.OPERATE) -> OperatorEntry:
    add_operator(path, name, scope, pin, FakeClock(), by="uid:0")
    return list_operators(path)[name]


def test_only_the_right_pin_is_his(path: Path) -> None:
    """Nobody has one."""
    entry = an_operator(path)
    assert [is_pin_of(one, pin) for one, pin in ((entry, PIN), (entry, "402818"), (None, PIN))] == [True, False, False]


def test_of_a_pin_only_a_salted_hash_is_kept_in_a_private_file(path: Path) -> None:
    entries = [an_operator(path, name) for name in ("li", "wang")]
    assert PIN not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert entries[0].hash != entries[1].hash
    assert (entries[0].created, entries[0].created_by) == (FakeClock().now(), "uid:0")


@pytest.mark.parametrize(
    "pin", ["", "12345", "1234567890123", "12345a", "４０２８１７", "402817\n", "000000", "345678", "876543"]
)
def test_a_pin_too_short_or_easily_guessed_is_refused(path: Path, pin: str) -> None:
    """The refusal doesn't repeat it."""
    with pytest.raises(ConfigError) as caught:
        add_operator(path, "li", Scope.OPERATE, pin, FakeClock())
    assert not pin or pin not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\nb", "x" * 65, "\udc80"])
def test_a_bad_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="an operator's name is"):
        add_operator(path, name, Scope.OPERATE, PIN, FakeClock())


def test_tokens_and_operators_share_the_file(path: Path) -> None:
    """A Chinese name, a name with a dot, and a person's comment."""
    add_token(path, "hq", Scope.READ, FakeClock())
    an_operator(path, "李工")
    path.write_text("# who gets in\n" + path.read_text())
    add_token(path, "other.site", Scope.READ, FakeClock())
    an_operator(path, "wang.2", scope=Scope.ADMIN)
    remove_operator(path, "李工")
    entries = read_entries(path)
    assert (list(entries.tokens), list(entries.operators)) == (["hq", "other.site"], ["wang.2"])
    assert entries.operators["wang.2"].permission() is Scope.ADMIN
    assert "# who gets in" in path.read_text()


def test_a_name_is_taken_until_it_is_removed(path: Path) -> None:
    an_operator(path)
    with pytest.raises(ConfigError, match="there is an operator named li already"):
        an_operator(path, pin="918273")
    remove_operator(path, "li")
    with pytest.raises(ConfigError, match="no operator of this name"):
        remove_operator(path, "li")
    assert is_pin_of(an_operator(path, pin="918273"), "918273")


@pytest.mark.parametrize(
    ("key", "value"), [("n", 16_385), ("n", 2**20), ("r", 64), ("p", 0), ("salt", '"ab"'), ("scope", '"read"')]
)
def test_an_entry_that_would_cost_too_much_or_protect_nothing_is_not_taken(path: Path, key: str, value: object) -> None:
    an_operator(path)
    lines = [f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    file = AccessFile(path)
    assert file.entries().operators == {}
    assert file.problem == f"{path}: is not a valid tokens file"


def test_what_the_audit_keeps_tells_of_a_new_hash_but_none(path: Path) -> None:
    token = add_token(path, "hq", Scope.READ, FakeClock(), days=1)
    first, operators = on_record(read_entries(path).tokens), on_record({"li": an_operator(path)})
    entry = read_entries(path).tokens["hq"]
    path.write_text(path.read_text().replace(entry.hash, "0" * 64))
    changed = {key for key, value in on_record(read_entries(path).tokens).items() if first.get(key) != value}
    assert changed == {"hq.fingerprint"}
    assert first["hq.expires"] == "2026-11-24T08:00:00Z"
    for secret in (token, entry.hash, *(getattr(list_operators(path)["li"], key) for key in ("hash", "salt"))):
        assert secret not in str(first | operators)


def test_nobodys_pin_takes_as_long_to_find_wrong_as_somebodys(path: Path) -> None:
    """So that the time of an answer doesn't tell whose names there are."""
    entry = an_operator(path)
    checks = [partial(is_pin_of, one, "1") for one in (entry, None)]
    somebody, nobody = [min(timeit.repeat(check, number=1, repeat=3)) for check in checks]
    assert 0.3 < nobody / somebody < 3
