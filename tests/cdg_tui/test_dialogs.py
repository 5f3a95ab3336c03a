"""What the dialogs promise: cancelled unless somebody says a capital Y, about what was under the cursor when they opened."""

import random
import string

import pytest
from msgspec import structs

from cdg_tui.i18n import LANGUAGES, Language, Words
from tests.cdg_tui.consoles import a_console
from tests.cdg_tui.factories import a_case, a_dead_letter, a_retry, an_endpoint
from tests.cdg_tui.fake_core import FakeCore, no_socket
from tests.cdg_tui.shops import a_shop

pytestmark = pytest.mark.anyio

ACK, RETRY, REQUEUE, DRAIN = ("2", "A"), ("3", "R"), ("4", "R"), ("3", "D")
RESUME, TEST = ("5", "U"), ("5", "T")
HOME_ACK = ("1", "A")
ASKING = {
    HOME_ACK: "确认报警",
    ACK: "确认报警",
    RETRY: "重发这一条",
    REQUEUE: "死信重新入队",
    DRAIN: "将立刻发送 2 条",
    RESUME: "恢复这个推送地址",
    TEST: "发一条测试事件",
}
NO = ("y", "enter", "space", "f8", "R")
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(1, 40)))
EVERY_NO = (*string.ascii_lowercase, *string.digits, "enter", "escape", "space", "tab", "f7", "f8", "A", "D", "R", "H")


@pytest.mark.requirement(11)
@pytest.mark.parametrize(
    ("opening", "keys"),
    [(ACK, EVERY_NO), (DRAIN, EVERY_NO), *((opening, NO) for opening in (RETRY, REQUEUE, RESUME, TEST))],
)
async def test_only_a_capital_y_goes_on(opening: tuple[str, str], keys: tuple[str, ...]) -> None:
    """Whatever else is pressed, and Enter after it, sends nothing. Every key on each kind of dialog once."""
    async with a_console(a_shop()) as console:
        for key in keys:
            await console.press("escape", "escape", opening[0])
            await console.until(lambda: console.app.cursor_key)
            await console.type(opening[1])
            await console.shows(ASKING[opening])
            await console.type(key, "enter", "escape")
        await console.pilot.pause()
        assert console.sent == []


@pytest.mark.parametrize("yes", ["Y", "\uff39"])
@pytest.mark.parametrize("opening", ASKING)
async def test_a_capital_y_goes_on_also_as_an_input_method_sends_it(opening: tuple[str, str], yes: str) -> None:
    async with a_console(a_shop()) as console:
        await console.press(*opening)
        await console.shows(ASKING[opening])
        await console.press(yes)
        await console.until(lambda: console.sent)


@pytest.mark.parametrize("opening", ASKING)
async def test_esc_and_enter_leave_everything_as_it_was(opening: tuple[str, str]) -> None:
    async with a_console(a_shop()) as console:
        for key in ("escape", "enter"):
            await console.press(*opening)
            await console.shows(ASKING[opening], "> [取消 Esc]")
            await console.press(key)
            await console.hides(ASKING[opening])
        assert console.sent == []


# -- what it is about ---------------------------------------------------------------------------------------------------


def shuffled(core: FakeCore, chance: random.Random) -> None:
    """Anything may happen to the lists meanwhile: rows come, go, change places and states."""
    new = a_retry(chance.randrange(20, 40), next_attempt_in_s=chance.uniform(0, 100))
    known = chance.choice(core.retries or [new])
    status = chance.choice(["pending", "dead_letter", "delivered"])
    reason = "max_age" if status == "dead_letter" else None
    core.changed(new, structs.replace(known, status=status, dead_letter_reason=reason))
    core.cases = [case for case in core.cases if chance.random() < 0.8]
    core.cases += [a_case(chance.randrange(50, 90), severity=chance.choice(["critical", "warning", "info"]))]
    chance.shuffle(core.cases)
    core.endpoints = [
        structs.replace(endpoint, state=chance.choice(["active", "open", "paused", "disabled"]))
        for endpoint in [*core.endpoints, an_endpoint(f"新{len(core.endpoints)}")]
        if chance.random() < 0.8
    ]


@pytest.mark.requirement(5)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("opening", "path"), [
    (ACK, f"cases/{a_case(2).case_id}/acknowledge"),
    (RETRY, f"webhooks/retries/{a_retry(2).delivery_id}/retry"),
    (REQUEUE, f"webhooks/retries/{a_dead_letter(102).delivery_id}/requeue"),
    (RESUME, "webhooks/endpoints/总部/resume"),
    (TEST, "webhooks/endpoints/总部/test"),
])  # fmt: skip
async def test_the_target_is_what_the_dialog_opened_on_whatever_happens_to_the_list(
    opening: tuple[str, str], path: str, seed: int
) -> None:
    chance = random.Random(seed)
    core = a_shop()
    core.refuse = {"acknowledge": (404, "case_not_found"), "retry": (404, "retry_not_found"), "requeue": (404, "x")}
    core.refuse |= dict.fromkeys(("resume", "test"), (404, "x"))
    async with a_console(core) as console:
        await console.press(opening[0], "j", opening[1])
        await console.shows(ASKING[opening])
        for _ in range(chance.randrange(1, 5)):
            shuffled(core, chance)
            await console.news()
        await console.press("Y")
        await console.until(lambda: console.sent)
        assert [sent for sent, _ in console.sent] == [path]


@pytest.mark.requirement(9)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_drain_sends_what_its_preview_showed_and_nothing_that_came_later(seed: int) -> None:
    chance = random.Random(seed)
    async with a_console(a_shop()) as console:
        await console.press(*DRAIN)
        await console.shows("将立刻发送 2 条")
        for _ in range(chance.randrange(1, 5)):
            shuffled(console.core, chance)
            await console.news()
        await console.press("Y")
        await console.shows("完成")
        ids = (a_retry(1).delivery_id, a_retry(2).delivery_id)
        assert [body["delivery_ids"] for _, body in console.sent] == [list(ids)]


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("opening", "status", "code"), [
    (ACK, 404, "case_not_found"),
    (ACK, 409, "illegal_transition"),
    (RETRY, 404, "retry_not_found"),
    (RETRY, 409, "in_flight"),
    (RETRY, 409, "endpoint_missing"),
    (REQUEUE, 409, "retry_not_requeueable"),
    (RESUME, 404, "endpoint_not_found"),
    (TEST, 404, "endpoint_not_found"),
])  # fmt: skip
async def test_a_refusal_is_told_in_words(language: Language, opening: tuple[str, str], status: int, code: str) -> None:
    core, words = a_shop(), Words(language)
    verbs = ("acknowledge", "retry", "requeue", "resume", "test")
    core.refuse = dict.fromkeys(verbs, (status, code))
    async with a_console(core, language=language) as console:
        await console.press(*opening, "Y")
        await console.shows(words("notice.refused", why=words.of("cause", code)))
        assert code not in console.text


async def test_a_refusal_of_a_later_version_is_told_in_the_core_s_own_words() -> None:
    core = a_shop()
    core.refuse = {"acknowledge": (409, "moon_too_full")}
    async with a_console(core) as console:
        await console.press(*ACK, "Y")
        await console.shows("没有做成：moon_too_full no")


@pytest.mark.parametrize("opening", ASKING)
async def test_an_answer_that_went_missing_is_not_called_a_failure(opening: tuple[str, str]) -> None:
    """The core may have done it all the same."""
    async with a_console(a_shop()) as console:
        await console.press(*opening)
        await console.shows(ASKING[opening])
        console.core.swallow = True
        await console.press("Y")
        await console.shows("不知道做成没有", "连接中断")


async def test_a_yes_after_the_link_was_lost_sends_nothing_also_not_later() -> None:
    for opening in ASKING:
        async with a_console(a_shop()) as console:
            await console.press(*opening)
            await console.shows(ASKING[opening])
            console.meets(no_socket)
            await console.shows("断开")
            asked = list(console.sent)
            await console.press("Y")
            await console.shows("现在没有连接")
            console.meets(None)
            await console.hides("断开")
            await console.news()
            assert console.sent == asked == []


async def test_writing_keys_open_nothing_while_the_link_is_lost() -> None:
    async with a_console(a_shop()) as console:
        console.meets(no_socket)
        await console.shows("断开")
        for page, key in (("2", "A"), ("2", "H"), ("4", "B"), ("5", "P"), *ASKING):
            await console.press(page, key)
            await console.shows("现在没有连接")
            assert console.app.asks_nothing
            await console.press("1")
        assert console.core.written == []
