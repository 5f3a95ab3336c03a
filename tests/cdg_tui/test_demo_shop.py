"""The demo's shop: made for a language, and never to be taken for a real one."""

import tomllib
from typing import Any

import pytest
from msgspec import structs

from cdg_tui.demo.host import shop
from cdg_tui.i18n import LANGUAGES, Language, Words
from cdg_tui.screens.bars import status_line
from cdg_tui.screens.page import LEAST, View
from cdg_tui.store import Snapshot, Store
from cdg_tui.text import named
from tests.cdg_tui.fake_core import a_status
from tests.cdg_tui.shops import a_shop


def made(language: Language) -> dict[str, Any]:
    return tomllib.loads(shop(language, 8080))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_how_much_faster_the_demos_time_runs(language: Language) -> None:
    """Else what lasted for a quarter of an hour stands beside times that are a quarter of a minute apart."""
    told, store = made(language), Store()
    site, name = told["device"]["site"], told["device"]["site_name"]
    [source] = told["sources"]
    assert f"{source['speed']:g}" in name
    status = a_status(a_shop(), simulated=True)
    device = structs.replace(status.device, site=site, site_name=name)
    store.apply(Snapshot(asked_s=1000.0, took_s=0.0, status=structs.replace(status, device=device)))
    line = status_line(View(store=store, words=Words(language), now_s=1000.0), LEAST[0])
    assert line.plain.startswith(f"{named(site, name)} ")
