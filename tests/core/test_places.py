"""Where the programs look for the configuration, in which order."""

from pathlib import Path

import pytest

from core import config
from core.errors import ConfigError
from core.places import default_data_dir, find_config
from tests.core.config_texts import a_config


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and an XDG directory of our own, nothing in them, no CDG_CONFIG."""
    monkeypatch.delenv("CDG_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path


def placed(directory: Path) -> Path:
    (directory / "cold-display-guard").mkdir(parents=True)
    return a_config(directory / "cold-display-guard")


def test_a_given_file_comes_first(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config` wins over everything."""
    monkeypatch.setenv("CDG_CONFIG", str(placed(homes / "other")))
    assert find_config(homes / "given.toml") == homes / "given.toml"


def test_the_environment_comes_before_the_users_directory(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$CDG_CONFIG` wins over the user's configuration directory."""
    placed(homes / "xdg")
    monkeypatch.setenv("CDG_CONFIG", str(named := placed(homes / "named")))
    assert find_config(None) == named


def test_a_named_file_that_is_missing_is_not_replaced_by_another(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in `$CDG_CONFIG` is an error that names it; the box doesn't start with somebody else's file."""
    placed(homes / "xdg")
    monkeypatch.setenv("CDG_CONFIG", str(homes / "slip.toml"))
    with pytest.raises(ConfigError, match=r"slip\.toml.*can't be read"):
        config.load(find_config(None))


def test_the_xdg_directory_is_looked_at(homes: Path) -> None:
    """`$XDG_CONFIG_HOME/cold-display-guard/config.toml`."""
    here = placed(homes / "xdg")
    assert find_config(None) == here


@pytest.mark.parametrize("unset", [True, False])
def test_without_xdg_it_is_the_homes_config_directory(
    homes: Path, monkeypatch: pytest.MonkeyPatch, unset: bool
) -> None:
    """An unset and an empty `$XDG_CONFIG_HOME` mean `~/.config`."""
    here = placed(homes / "home/.config")
    monkeypatch.delenv("XDG_CONFIG_HOME") if unset else monkeypatch.setenv("XDG_CONFIG_HOME", "")
    assert find_config(None) == here


@pytest.mark.skipif(Path("/etc/cold-display-guard/config.toml").exists(), reason="this machine has one")
def test_a_user_without_a_home_is_told_what_to_give(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback: the machine's file is still looked for, and the data directory must be named."""
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "~nobody-of-that-name")
    with pytest.raises(ConfigError):
        find_config(None)
    with pytest.raises(ConfigError, match="--data-dir"):
        default_data_dir()


def test_none_found_says_how_to_make_one(homes: Path) -> None:
    """A short word on the ways out, the demo among them; exit code 2."""
    with pytest.raises(ConfigError, match=r"--config FILE.*CDG_CONFIG.*cdg --demo") as error:
        find_config(None)
    assert error.value.exit_code == 2


def test_the_data_directory_is_the_users_state_directory(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$XDG_STATE_HOME/cold-display-guard`, else below `~/.local/state`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(homes / "state"))
    assert default_data_dir() == homes / "state/cold-display-guard"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_data_dir() == homes / "home/.local/state/cold-display-guard"
