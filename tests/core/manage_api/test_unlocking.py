"""The kiosk: an operator's PIN unlocks it for five minutes, and whoever guesses has to wait."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.audit import Audit
from core.manage_api.access import access_routes
from core.manage_api.app import build_app
from core.manage_api.auth import Authenticator
from core.manage_api.operators import add_operator, remove_operator
from core.manage_api.parts import Parts
from core.manage_api.table import Scope
from core.manage_api.tokens import add_token
from core.settings import Access
from core.wire_audit import AuditItem
from tests.core.manage_api.sample_routes import ROUTES, a_client, bearer, code_of
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

KIOSK, TECHNICIAN = 4711, 4712
PIN, WRONG = "402817", "402818"
UNLOCK, LOCK, WHOAMI = (f"/api/manage/{path}" for path in ("operator/unlock", "operator/lock", "whoami"))
ITEMS, ORDER = "/api/manage/items", {"by": "Li"}


class Kiosk:
    """A box with the operator li, who may operate, and its audit; callers on the socket."""

    def __init__(self, directory: Path):
        self.clock, self.path = FakeClock(), directory / "tokens.toml"
        self.audit = Audit(directory, self.clock)
        access = Access(kiosk_users=(KIOSK, TECHNICIAN))
        add_operator(self.path, "li", Scope.OPERATE, PIN, self.clock)
        self.authenticator = Authenticator(access, self.path, self.clock)
        none: Any = None
        kept = dict.fromkeys(Parts.__dataclass_fields__, none)
        parts = Parts(**{**kept, "clock": self.clock, "audit": self.audit, "authenticator": self.authenticator})
        self.app = build_app((*ROUTES, *access_routes(parts)), self.authenticator, self.audit.record)

    async def looks(self) -> None:
        """As the core does each second."""
        await self.authenticator.file.look()

    async def post(self, path: str, body: object = None, token: str | None = None, uid: int | None = KIOSK) -> Any:
        headers = {} if token is None else bearer(token)
        async with a_client(self.app, uid) as client:
            return await client.post(path, json=body, headers=headers)

    async def get(self, path: str, token: str | None = None, uid: int | None = KIOSK) -> httpx.Response:
        async with a_client(self.app, uid) as client:
            return await client.get(path, headers={} if token is None else bearer(token))

    async def unlock(self, pin: str = PIN, operator: str = "li", uid: int | None = KIOSK) -> httpx.Response:
        answer: httpx.Response = await self.post(UNLOCK, {"operator": operator, "pin": pin}, uid=uid)
        return answer

    async def token(self) -> str:
        return str((await self.unlock()).json()["token"])

    async def wrong(self, times: int) -> set[tuple[int, str]]:
        return {code_of(await self.unlock(WRONG)) for _ in range(times)}

    def deeds(self) -> list[AuditItem]:
        return [item for _, item in self.audit.read() if item is not None][::-1]


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    return Kiosk(tmp_path)


async def test_an_operator_acts_in_his_own_name_after_his_pin(kiosk: Kiosk) -> None:
    assert code_of(await kiosk.post(ITEMS, ORDER)) == (403, "insufficient_scope")
    answer = (await kiosk.unlock()).json()
    token = answer.pop("token")
    assert answer == {"operator": "li", "scope": "operate", "expires_at": "2026-11-23T08:05:00Z", "expires_in_s": 300.0}
    assert (await kiosk.post(ITEMS, ORDER, token)).json()["actor"] == "operator:li"
    assert (await kiosk.get(WHOAMI, token)).json() == {
        "actor": "operator:li",
        "via": f"uid:{KIOSK}",
        "scope": "operate",
        "origin": "socket",
    }


async def test_without_the_token_the_user_may_what_he_always_may(kiosk: Kiosk) -> None:
    """Another console of the same user is not unlocked by this one."""
    await kiosk.unlock()
    assert (await kiosk.get(WHOAMI)).json()["scope"] == "read"


async def test_an_operator_may_no_more_than_what_was_given_to_him(kiosk: Kiosk) -> None:
    """Also where the user of the socket may more."""
    token = (await kiosk.unlock(uid=0)).json()["token"]
    assert (await kiosk.get(WHOAMI, uid=0)).json()["scope"] == "admin"
    assert (await kiosk.get(WHOAMI, token, uid=0)).json()["scope"] == "operate"


async def test_it_locks_after_five_minutes_however_it_is_used(kiosk: Kiosk) -> None:
    token, found = await kiosk.token(), []
    for seconds in (0.0, 150.0, 149.9, 0.1):
        kiosk.clock.advance(seconds)
        found.append((await kiosk.post(ITEMS, ORDER, token)).status_code)
    assert found == [202, 202, 202, 401]
    assert code_of(await kiosk.get(WHOAMI, token)) == (401, "operator_locked")


async def test_the_wall_clock_does_not_keep_it_open(kiosk: Kiosk) -> None:
    token, before = await kiosk.token(), kiosk.clock.wall
    kiosk.clock.advance(300)
    kiosk.clock.wall = before
    assert (await kiosk.get(WHOAMI, token)).status_code == 401


async def test_the_token_is_of_no_use_to_another_user_or_on_tcp(kiosk: Kiosk) -> None:
    token = await kiosk.token()
    assert code_of(await kiosk.get(WHOAMI, token, uid=TECHNICIAN)) == (401, "operator_locked")
    assert code_of(await kiosk.get(WHOAMI, token, uid=None)) == (401, "unauthorized")


async def test_a_token_of_the_file_unlocks_nothing_on_the_socket(kiosk: Kiosk) -> None:
    """Nor does anything else that stands there; the console is told to ask for the PIN."""
    token = add_token(kiosk.path, "hq", Scope.ADMIN, kiosk.clock)
    assert code_of(await kiosk.get(WHOAMI, token)) == (401, "operator_locked")
    async with a_client(kiosk.app, KIOSK) as client:
        answers = [await client.get(WHOAMI, headers={"authorization": one}) for one in ("", "Bearer ", "Basic bGk6")]
    assert {code_of(answer) for answer in answers} == {(401, "operator_locked")}


async def test_removing_the_operator_locks_with_the_next_look(kiosk: Kiosk) -> None:
    """Also where he is back with another PIN."""
    token = await kiosk.token()
    remove_operator(kiosk.path, "li")
    await kiosk.looks()
    assert code_of(await kiosk.post(ITEMS, ORDER, token)) == (401, "operator_locked")
    add_operator(kiosk.path, "li", Scope.ADMIN, "918273", kiosk.clock)
    await kiosk.looks()
    assert code_of(await kiosk.post(ITEMS, ORDER, token)) == (401, "operator_locked")


async def test_he_locks_what_he_unlocked_and_nobody_elses(kiosk: Kiosk) -> None:
    add_operator(kiosk.path, "wang", Scope.OPERATE, PIN, kiosk.clock)
    await kiosk.looks()
    given = [("li", KIOSK), ("wang", KIOSK), ("li", TECHNICIAN)]
    mine, others, elsewhere = [(await kiosk.unlock(operator=name, uid=uid)).json()["token"] for name, uid in given]
    assert (await kiosk.post(LOCK, token=mine)).json() == {"operator": "li"}
    assert (await kiosk.get(WHOAMI, mine)).status_code == 401
    assert (await kiosk.get(WHOAMI, others)).status_code == 200
    assert (await kiosk.get(WHOAMI, elsewhere, uid=TECHNICIAN)).status_code == 200
    assert code_of(await kiosk.post(LOCK)) == (409, "not_unlocked")


async def test_on_tcp_nobody_unlocks(kiosk: Kiosk) -> None:
    token = add_token(kiosk.path, "hq", Scope.ADMIN, kiosk.clock)
    body = {"operator": "li", "pin": PIN}
    assert code_of(await kiosk.post(UNLOCK, body, token, uid=None)) == (403, "socket_only")
    assert code_of(await kiosk.post(LOCK, token=token, uid=None)) == (403, "socket_only")


async def test_the_list_of_operators_holds_no_hash(kiosk: Kiosk) -> None:
    answer = await kiosk.get("/api/manage/operators")
    assert answer.json() == {"items": [{"name": "li", "scope": "operate"}]}


async def test_a_wrong_name_is_answered_as_a_wrong_pin_is(kiosk: Kiosk) -> None:
    answers = [await kiosk.unlock(WRONG), await kiosk.unlock(operator="nobody")]
    assert {code_of(answer) for answer in answers} == {(401, "wrong_pin")}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_who_tries_five_wrong_pins_waits_and_longer_each_time(kiosk: Kiosk) -> None:
    """Even the right one is not looked at meanwhile. It makes good for all that was wrong."""
    assert await kiosk.wrong(5) == {(401, "wrong_pin")}
    waits = []
    for _ in range(6):
        answer = await kiosk.unlock()
        assert code_of(answer) == (429, "too_many_tries")
        waits.append(int(answer.headers["retry-after"]))
        kiosk.clock.advance(waits[-1] - 1)
        assert (await kiosk.unlock()).status_code == 429
        kiosk.clock.advance(1)
        assert await kiosk.wrong(1) == {(401, "wrong_pin")}
    assert waits == [60, 120, 240, 480, 900, 900]
    kiosk.clock.advance(900)
    assert (await kiosk.unlock()).status_code == 200
    assert await kiosk.wrong(5) == {(401, "wrong_pin")}


async def test_the_tries_are_those_of_a_user_whatever_names_he_gives(kiosk: Kiosk) -> None:
    """Another user doesn't have to wait for him."""
    for number in range(5):
        await kiosk.unlock(operator=f"name{number}")
    assert (await kiosk.unlock()).status_code == 429
    assert (await kiosk.unlock(uid=TECHNICIAN)).status_code == 200


async def test_nobody_guesses_the_pin_of_another_by_giving_his_own_in_between(kiosk: Kiosk) -> None:
    add_operator(kiosk.path, "boss", Scope.ADMIN, "918273", kiosk.clock)
    await kiosk.looks()
    for number in range(5):
        assert code_of(await kiosk.unlock(WRONG, "boss")) == (401, "wrong_pin")
        if number < 4:
            assert (await kiosk.unlock()).status_code == 200
    kiosk.clock.advance(59)
    assert code_of(await kiosk.unlock("918273", "boss")) == (429, "too_many_tries")
    assert (await kiosk.unlock()).status_code == 200
    kiosk.clock.advance(1)
    assert (await kiosk.unlock("918273", "boss")).status_code == 200


async def test_forty_tries_at_once_are_no_more_than_five(kiosk: Kiosk) -> None:
    async with asyncio.TaskGroup() as tasks:
        tries = [tasks.create_task(kiosk.unlock(WRONG)) for _ in range(40)]
    found = [code_of(one.result())[0] for one in tries]
    assert (found.count(401), found.count(429)) == (5, 35)


async def test_pins_are_checked_one_after_the_other(kiosk: Kiosk) -> None:
    """Also of several users: a check takes a lot of memory. Here the first takes four times as long as the second."""
    kiosk.path.write_text(kiosk.path.read_text().replace("n = 16384", "n = 65536"))
    add_operator(kiosk.path, "wang", Scope.OPERATE, PIN, kiosk.clock)
    await kiosk.looks()
    done = []

    async def attempt(operator: str, uid: int) -> None:
        done.append((operator, (await kiosk.unlock(operator=operator, uid=uid)).status_code))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(attempt("li", KIOSK))
        tasks.create_task(attempt("wang", TECHNICIAN))
    assert done == [("li", 401), ("wang", 200)]


async def test_who_leaves_before_the_answer_has_tried_all_the_same(kiosk: Kiosk) -> None:
    for _ in range(5):
        async with asyncio.TaskGroup() as tasks:
            attempt = tasks.create_task(kiosk.unlock(WRONG))
            for _ in range(50):  # until it is being checked, which takes much longer
                await asyncio.sleep(0)
            assert not attempt.done()
            attempt.cancel()
    assert (await kiosk.unlock()).status_code == 429


async def test_unlocking_locking_and_guessing_are_on_record_and_the_pin_is_nowhere(
    kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = await kiosk.token()
        await kiosk.post(LOCK, token=token)
        answers = [await kiosk.unlock(WRONG) for _ in range(5)]
        answers += [await kiosk.post(UNLOCK, body) for body in ({"operator": "li", "pin": int(PIN)}, {"pin": PIN})]
    unlocked, locked, guessed = kiosk.deeds()
    assert (unlocked.actor, unlocked.via, unlocked.what) == (f"uid:{KIOSK}", None, "operator.unlock")
    assert {change.key: change.new for change in unlocked.changes} == {"operator": "li", "scope": "operate"}
    assert (locked.actor, locked.via, locked.what) == ("operator:li", f"uid:{KIOSK}", "operator.lock")
    assert (guessed.actor, guessed.what, guessed.subject) == (f"uid:{KIOSK}", "operator.locked_out", "li")
    assert guessed.asked == {"wrong_pins": 5, "wait_s": 60.0}
    told = caplog.text + str(kiosk.deeds()) + "".join(answer.text for answer in answers)
    assert not [secret for secret in (PIN, WRONG, token) if secret in told]


async def test_a_pin_in_the_field_of_the_name_is_not_kept(kiosk: Kiosk) -> None:
    for _ in range(5):
        await kiosk.unlock(operator=PIN)
    assert PIN not in str(kiosk.deeds())


async def test_what_changes_in_the_file_goes_on_record(kiosk: Kiosk) -> None:
    """Also what changed while the core did not run, and by whom somebody got in for less than a look; a file that can't be
    read says nothing.
    """
    add_token(kiosk.path, "hq", Scope.READ, kiosk.clock, by="uid:7")

    async def look() -> list[tuple[str, set[str]]]:
        before = len(kiosk.deeds())
        kiosk.clock.advance(2)
        await until_idle()
        return [(item.what, {change.key for change in item.changes}) for item in kiosk.deeds()[before:]]

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(kiosk.authenticator.run(kiosk.audit.notice))
        await until_idle()
        assert [item.what for item in kiosk.deeds()] == ["operators.noticed", "tokens.noticed"]
        assert await look() == []
        whole = kiosk.path.read_text()
        kiosk.path.write_text("[tokens")
        assert await look() == []
        kiosk.path.write_text(whole)
        assert await look() == []
        remove_operator(kiosk.path, "li")
        li = {f"li.{key}" for key in ("scope", "created", "fingerprint")}
        assert await look() == [("operators.noticed", li)]
        add_operator(kiosk.path, "passing", Scope.OPERATE, PIN, kiosk.clock)
        await kiosk.looks()
        remove_operator(kiosk.path, "passing")
        assert [what for what, _ in await look()] == ["operators.noticed"] * 2
        watching.cancel()


async def until_idle() -> None:
    await asyncio.sleep(0.05)
