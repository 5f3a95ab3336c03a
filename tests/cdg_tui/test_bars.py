"""The lines round a page at any width: what stands there is whole, and what matters most stands there always."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from msgspec import structs
from rich.cells import cell_len
from textual.content import Content

from cdg_tui.access import Access
from cdg_tui.actions import PAGES
from cdg_tui.i18n import LANGUAGES, Language, Words, texts
from cdg_tui.screens.alarm_line import alarm_line
from cdg_tui.screens.bars import banner, heading, status_line, tabs
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.device import Device
from cdg_tui.screens.page import View
from cdg_tui.screens.parts import Worth, forms_that_fit, whole
from cdg_tui.store import Link, LinkState, Store
from core import wire
from tests.cdg_tui.factories import a_case, at
from tests.cdg_tui.fake_core import FakeCore, a_status

WIDTHS = (*range(80, 200, 3), 200)
NO_LIMIT = 2000
NAMES = (
    "徐家汇店",
    "",
    "上海徐家汇第一食品商店地下二层 3 号冷柜区 0412",
    "Walk-in freezer 17 behind the bakery, north wall, unit 1234",
)
CODES = tuple(key.removeprefix("problem.") for key in texts("en") if key.startswith("problem."))

pytestmark = pytest.mark.requirement(12)


A_DRAIN = wire.DrainResult(
    drain_id="d",
    actor="li",
    dry_run=False,
    running=True,
    started_at=at(0),
    finished_at=None,
    duration_ms=1,
    counts=wire.DrainCounts(
        matched=12345, attempted=987, skipped=0, delivered=0, failed=987, remaining_due=0, remaining_pending=0
    ),
    items=(),
)


def a_problem(code: str) -> wire.Problem:
    return wire.Problem(code=code, since=at(0), text="x")


def some_status(chance: random.Random) -> wire.Status:
    core = FakeCore()
    device = a_status(core).device
    state = chance.choice([wire.Durability.DURABLE, wire.Durability.MEMORY_ONLY])
    counted = [0, 7, 57, 678, 12345, 67890]
    return a_status(
        core,
        device=structs.replace(device, site=chance.choice(["DEMO", "SH-0412-B2"]), site_name=chance.choice(NAMES)),
        network=chance.choice(["online", "offline", "captive_portal"]),
        simulated=chance.random() < 0.5,
        cases=wire.CaseCounts(
            open=chance.choice(counted), critical=chance.choice(counted), warning=chance.choice(counted)
        ),
        webhooks=structs.replace(core.summary(), pending=chance.choice(counted), dead_letter=chance.choice(counted)),
        durability=wire.DurabilityInfo(
            state=state, degraded=chance.random() < 0.5, archive_unacknowledged=0, journals={}
        ),
        problems=tuple(map(a_problem, chance.sample(CODES, chance.choice([0, 1, 3, 7, 12])))),
    )


def some_view(language: Language, seed: int) -> View:
    """With as much to say as may come together, at random."""
    chance = random.Random(seed)
    store = Store()
    store.status = some_status(chance)
    store.heard_s, store.link = 1000.0, Link(state=LinkState.LIVE)
    if chance.random() < 0.3:
        store.link = Link(state=LinkState.LOST, cause="refused", detail="", tries=12345)
    if chance.random() < 0.5:
        store.drain = A_DRAIN
    who = chance.choice([None, None, "李工", "一个名字很长的值班员工 0017"])
    cases = tuple(
        a_case(
            number,
            cabinet_name=chance.choice(NAMES),
            kind=chance.choice(["temp_high", "defrost_overrun", "budget_exceeded"]),
            value=chance.choice([-123.4, 9.4, None]),
            condition=chance.choice(["active", "cleared"]),
            opened_at=at(-chance.choice([600.0, 400_000.0])),
        )
        for number in range(chance.choice([0, 1, 12]))
    )
    return View(
        store=store,
        words=Words(language),
        now_s=1001.0 + chance.choice([0.0, 300.0]),
        access=Access(kiosk=chance.random() < 0.7, operator=who, until_s=1290.0),
        alarms=cases,
        unsettled=chance.choice(["", "console.toml: " + "colour " * 30]),
    )


def pieces(text: str) -> list[str]:
    return re.findall(r"[^\s\[\]（）()─]+", text)


def is_whole(line: str, full: str, width: int) -> None:
    """Each of its pieces stands in the full line too, in this order, unless a mark says that it is cut; and no number is."""
    assert cell_len(line) <= width
    there = iter(pieces(full))
    for piece in pieces(line):
        kept = piece.removesuffix("~")
        found = next((one for one in there if (one.startswith(kept) if kept != piece else one == piece)), None)
        assert found is not None, (piece, line, full)
        if kept != piece:
            assert not (kept[-1:].isdigit() and found[len(kept) :][:1].isdigit()), (line, full)


def views() -> Iterator[tuple[View, int]]:
    for language in LANGUAGES:
        for seed in range(12):
            view = some_view(language, seed)
            for width in WIDTHS:
                yield view, width


def test_in_the_first_line_the_alarms_the_queue_and_the_link_stand_whole_at_any_width() -> None:
    for view, width in views():
        line, full = (status_line(view, room).plain for room in (width, NO_LIMIT))
        is_whole(re.sub(r"(?<=[ ]\d\d:\d\d)$", ":04", line), full, width + 3)
        assert cell_len(line) <= width
        status, words = view.store.status, view.words
        assert status is not None
        said = [
            *(f"{words(f'severity.{one}')}{getattr(status.cases, one)} " for one in ("critical", "warning")),
            f"{words('word.pending')}{status.webhooks.pending} ",
            f"{words('word.dead')}{status.webhooks.dead_letter} ",
            f" {words(f'link.{view.store.state(view.now_s)}')}",
        ]
        assert all(one in line for one in said), line
        assert words("durability.memory_only") in line or status.durability.state == "durable"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_leaves_the_first_line_after_all_of_the_sites_name_but_its_beginning(language: Language) -> None:
    """With as much to say as may come together in 80 columns; its seconds go before its minutes do."""
    view, core = some_view(language, 0), FakeCore()
    worst = wire.DurabilityInfo(state=wire.Durability.MEMORY_ONLY, degraded=True, archive_unacknowledged=0, journals={})
    view.store.status = a_status(
        core,
        simulated=True,
        cases=wire.CaseCounts(open=3, critical=1, warning=2),
        webhooks=structs.replace(core.summary(), pending=12345, dead_letter=678),
        durability=worst,
    )
    view = replace(view, now_s=1000.4)
    view.store.link = Link(state=LinkState.LIVE)
    line = status_line(view, 80).plain
    assert line.startswith("SH-0412~ ")
    assert line.endswith(f"{view.words('link.live')} 12:00")


def test_every_tab_has_its_key_and_its_count_and_the_one_that_is_shown_its_brackets_at_any_width() -> None:
    for (view, width), page in zip(views(), [*PAGES] * 10_000, strict=False):
        line, full = (tabs(view, page, room).plain for room in (width, NO_LIMIT))
        is_whole(line, full, width)
        status = view.store.status
        assert status is not None
        counts = {"cases": status.cases.open, "retries": status.webhooks.pending, "dead": status.webhooks.dead_letter}
        for number, one in enumerate(PAGES, start=1):
            count = f" {counts[one]}" if counts.get(one) else ""
            tab = rf"{number}( {view.words(f'page.{one}')})?{count}"
            assert re.search(rf"\[{tab}\]" if one == page else rf"(^| ){tab}( |$)", line), line
        assert line.count("[") == line.count("]") == 1


def test_names_of_tabs_make_way_before_what_the_box_complains_of_and_that_before_who_may_write() -> None:
    """As much as can be at once, in a kiosk of 80 columns."""
    full = a_status(
        FakeCore(),
        network="offline",
        cases=wire.CaseCounts(open=57, critical=1, warning=1),
        webhooks=structs.replace(FakeCore().summary(), pending=12345, dead_letter=678),
        problems=tuple(map(a_problem, CODES[:12])),
    )
    store = Store()
    store.status, store.heard_s, store.link = full, 1000.0, Link(state=LinkState.LIVE)
    view = View(store=store, words=Words("zh"), now_s=1001.0, access=Access(kiosk=True))
    line = tabs(view, "dead", 80).plain
    assert all(one in line for one in ("[4 死信 678]", "57", "12345", "外网不通", "本机问题 12", "只读（u 解锁）"))
    store.status = structs.replace(full, cases=structs.replace(full.cases, open=12345))
    store.drain = A_DRAIN
    line = tabs(replace(view, words=Words("en")), "dead", 80).plain
    assert all(one in line for one in ("[4 Dead 678]", "DRAIN 987/12345", "NO NET", "read-only"))
    line = tabs(replace(view, words=Words("en")), "dead", 70).plain
    assert "problems" not in line
    assert all(one in line for one in ("DRAIN 987/12345", "read-only"))


def test_the_alarm_line_has_kind_value_time_and_how_many_more_however_long_the_name() -> None:
    for view, width in views():
        if not view.alarms:
            continue
        line, full = (alarm_line(view, room).plain for room in (width, NO_LIMIT))
        is_whole(line, full, width)
        case, words = view.alarms[0], view.words
        more = words("alarm.more", n=len(view.alarms) - 1) if len(view.alarms) > 1 else ""
        told = (words.of("kind", case.kind), view.clock(case.opened_at), more, words("alarm.look"), case.cabinet)
        assert all(one in line for one in told), line
        if view.live and case.condition == "active" and case.value is not None:
            assert f" {case.value} " in line


def test_on_a_narrow_board_the_alarms_value_stands_longer_than_its_time_and_what_to_press() -> None:
    view = replace(some_view("zh", 0), now_s=1001.0, alarms=(a_case(1, cabinet_name=NAMES[2]),))
    view.store.link = Link(state=LinkState.LIVE)
    assert alarm_line(view, 34).plain.rstrip() == "!!新严重报警 03 上海~ 高温报警 9.4"
    assert alarm_line(view, 25).plain.rstrip() == "!!新严重报警 03 上海~ 9.4"


@pytest.mark.parametrize("unsettled", ["", "console.toml: " + "colour " * 30])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_banner_names_whole_problems_and_how_many_more_there_are(language: Language, unsettled: str) -> None:
    """In three lines, with what is wrong with the settings in the last."""
    view = replace(some_view(language, 0), now_s=1001.0, unsettled=unsettled)
    view.store.link, words = Link(state=LinkState.LIVE), view.words
    told = [words(f"problem.{code}") for code in CODES]
    for count, width in product((0, 1, 3, 7, 12), (80, 123, 200)):
        view.store.status = a_status(FakeCore(), problems=tuple(map(a_problem, CODES[:count])))
        assert len(banner(view, width).wrap(width)) <= 3
        first = banner(view, width).plain.partition("\n")[0]
        shown = max((n for n in range(1, count + 1) if first.startswith(f"! {'; '.join(told[:n])}")), default=0)
        more = [words("banner.more", n=count - shown)] if shown < count else []
        assert not count or first == f"! {'; '.join([*told[:shown], *more])}"
        assert shown >= min(count, 3 if width > 80 else 2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_banner_says_of_a_lost_link_is_whole_but_for_a_cause_that_is_too_long(language: Language) -> None:
    view = some_view(language, 1)
    words = view.words
    for length in (0, 3, 100, 4000):
        view.store.link = Link(
            state=LinkState.LOST, cause="http_error", detail="502 " + "bad gateway " * length, tries=12
        )
        for width in (80, 123, 200):
            told = banner(view, width)
            age = words.lasting(view.store.age_s(view.now_s) or 0.0)
            lost = words("banner.lost", state=words("link.lost"), age=age, cause="|", tries=12).split("|")
            assert len(told.wrap(width)) <= 3
            assert all(one in told.plain for one in lost)
            assert ("~" in told.plain.partition("\n")[0]) == (length >= 100)


def test_what_stands_above_the_list_is_whole_too() -> None:
    said = ("定住 12秒，p 继续", "筛选 Walk-in freezer behind the bakery 0412（共 67890）", "标记 12345")
    for view, width in views():
        for page in (Cases(), Device()):
            line, full = (heading(view, page, (12345, 67890), said, room).plain for room in (width, NO_LIMIT))
            is_whole(line, full, width)
            assert "12345/67890" in line


def test_what_is_worth_more_has_room_first_and_what_has_none_is_left_out_whole() -> None:
    parts = [[(Worth.SPARE, whole("aaaa"))], [(Worth.VITAL, whole("bbbb"))], [(Worth.HINT, whole("cc"))]]
    shown = {room: [form.plain for form in forms_that_fit(parts, room) if form.plain] for room in (3, 4, 7, 11, 12)}
    assert shown == {3: ["cc"], 4: ["bbbb"], 7: ["bbbb", "cc"], 11: ["bbbb", "cc"], 12: ["aaaa", "bbbb", "cc"]}
    assert forms_that_fit(parts, 0) == [Content("")] * 3
