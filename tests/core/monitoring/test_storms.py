"""Many cabinets at once are one piece of news more: whatever it is, it is not the cabinets' own."""

import pytest
from msgspec import structs

from core.monitoring import cases
from core.monitoring.case_book import CaseBook
from tests.core.monitoring.factories import ListPublisher, a_case, publishing, until
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def broken(book: CaseBook, clock: FakeClock, cabinets: int, every_s: float) -> list[str]:
    """What goes out where one cabinet after the other raises a case."""
    publisher = ListPublisher()
    async with publishing(book, publisher):
        for number in range(cabinets):
            case = a_case(case_id=f"case_{number}", sensor=f"{number}.air")
            book.put(cases.opened(structs.replace(case, cabinet=f"{number}")))
            clock.advance(every_s)
        await until(lambda: not any(case.outbox for case in book.all()))
    return [str(event.type) for event in publisher.calls]


async def test_many_cabinets_at_once_are_one_storm(book: CaseBook, clock: FakeClock) -> None:
    told = await broken(book, clock, 9, 10.0)
    assert (told.count("site.storm"), told.count("case.opened")) == (1, 9)


@pytest.mark.parametrize(("cabinets", "every_s"), [(3, 1.0), (20, 41.0)])
async def test_few_cabinets_or_many_in_a_longer_time_are_no_storm(
    book: CaseBook, clock: FakeClock, cabinets: int, every_s: float
) -> None:
    assert "site.storm" not in await broken(book, clock, cabinets, every_s)
