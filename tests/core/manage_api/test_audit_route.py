"""The audit over the API: newest first, page by page, filtered, and never more work than one request may cost."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.audit import Audit, Deed
from core.manage_api.app import build_app
from core.manage_api.audit_list import AuditList, audit_routes
from core.manage_api.auth import Authenticator
from core.manage_api.parts import Parts
from core.manage_api.table import Scope
from core.settings import Access
from core.wire_audit import Change
from tests.core.manage_api.sample_routes import a_client, a_token, bearer, code_of
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
AUDIT = "/api/manage/audit"
LOOKS = 8
DEEDS = (
    Deed(actor="core", origin="core", what="core.started", asked={"version": "1"}),
    Deed(actor="uid:0", origin="socket", what="case.note", subject="case_1", by="Li", asked={"note": "Ice"}),
    Deed(actor="token:hq", origin="10.0.0.9", what="config.patch", changes=(Change(key="a.b", old=1, new=2),)),
    Deed(actor="operator:wang", via="uid:1000", origin="socket", what="case.close", subject="case_1"),
    Deed(actor="uid:0", origin="socket", what="config.patch", request_id="r5"),
)


class Office:
    """The route over a real audit."""

    def __init__(self, directory: Path):
        self.directory, self.clock = directory, FakeClock()
        self.audit = Audit(directory, self.clock)
        none: Any = None  # what this route doesn't look at
        names = [name for name in Parts.__dataclass_fields__ if name != "audit"]
        routes = audit_routes(AuditList(Parts(audit=self.audit, **dict.fromkeys(names, none)), most_looked_at=LOOKS))
        self.app = build_app(routes, Authenticator(Access(), directory / "tokens.toml", self.clock), self.audit.record)

    async def do(self, *deeds: Deed) -> None:
        """A minute apart."""
        for deed in deeds:
            await self.audit.record(deed)
            self.clock.advance(60)

    async def get(self, query: str = "") -> httpx.Response:
        async with a_client(self.app) as client:
            return await client.get(f"{AUDIT}?{query}")

    async def numbers(self, query: str = "") -> list[int]:
        return [item["n"] for item in (await self.get(query)).json()["items"]]


@pytest.fixture
async def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    await made.do(*DEEDS)
    return made


async def test_an_entry_has_all_that_is_on_record_and_hangs_on_the_one_before(office: Office) -> None:
    items = (await office.get()).json()["items"]
    assert items[2] == {
        "n": 3,
        "at": "2026-11-23T08:02:00Z",
        "actor": "token:hq",
        "via": None,
        "by": None,
        "origin": "10.0.0.9",
        "what": "config.patch",
        "subject": None,
        "asked": {},
        "changes": [{"key": "a.b", "old": 1, "new": 2}],
        "outcome": "done",
        "request_id": None,
        "previous": items[3]["sha256"],
        "sha256": items[1]["previous"],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("actor=uid:0", [5, 2]),
        ("what=config.patch", [5, 3]),
        ("what=case.*", [4, 2]),
        ("what=case", []),
        ("subject=case_1", [4, 2]),
        ("since=2026-11-23T08:03:00Z", [5, 4]),
        ("until=2026-11-23T08:01:00Z", [1]),
        ("since=2026-11-23T08:01:00Z&until=2026-11-23T08:03:00Z", [3, 2]),
        ("q=LI", [2]),
        ("q=ice", [2]),
        ("q=A.B", [3]),
        ("q=uid:1000", [4]),
        ("q=r5", [5]),
        ("actor=uid:0&what=case.*", [2]),
    ],
)
async def test_the_list_is_filtered(office: Office, query: str, found: list[int]) -> None:
    assert await office.numbers(query) == found


async def test_the_pages_are_the_whole_list_whatever_comes_meanwhile(office: Office) -> None:
    found, cursor = [], ""
    while True:
        answer = (await office.get(f"limit=2{cursor}")).json()
        found.append([item["n"] for item in answer["items"]])
        await office.do(DEEDS[0])
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert found == [[5, 4], [3, 2], [1]]


async def test_one_request_looks_at_so_many_lines_only(office: Office) -> None:
    """What stands further back is behind the cursor, though the page is empty."""
    await office.do(*[DEEDS[4]] * LOOKS)
    first = (await office.get("actor=core")).json()
    assert (first["items"], first["next"]) == ([], "5")
    assert await office.numbers(f"actor=core&cursor={first['next']}") == [1]


async def test_a_range_that_ends_before_it_begins_is_409(office: Office) -> None:
    answer = await office.get("since=2026-11-23T08:02:00Z&until=2026-11-23T08:01:00Z")
    assert code_of(answer) == (409, "since_after_until")


@pytest.mark.parametrize("cursor", ["x", "-1", "6", "1.5", "", "9" * 30, "%D9%A1"])
async def test_an_unknown_cursor_is_404(office: Office, cursor: str) -> None:
    assert code_of(await office.get(f"cursor={cursor}")) == (404, "unknown_cursor")


async def test_what_cannot_be_read_is_409(office: Office) -> None:
    (office.directory / "audit.jsonl").unlink()
    assert code_of(await office.get()) == (409, "audit_not_readable")
    assert code_of(await Office(office.directory / "none").get()) == (409, "audit_not_readable")


async def test_an_altered_line_is_left_out(office: Office) -> None:
    path = office.directory / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"token:hq", b"token:me"))
    assert await office.numbers() == [5, 4, 2, 1]


async def test_who_may_only_read_learns_nothing_of_who_did_what(office: Office) -> None:
    token = a_token(office.directory, "screen", Scope.READ)
    async with a_client(office.app, uid=None) as client:
        assert (await client.get(AUDIT, headers=bearer(token))).status_code == 403


async def test_the_times_are_those_of_the_core(office: Office) -> None:
    office.clock.wall += timedelta(days=1)
    await office.do(DEEDS[0])
    assert (await office.get("limit=1")).json()["items"][0]["at"] == "2026-11-24T08:05:00Z"
