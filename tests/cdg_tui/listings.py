"""What a page would hear from a fake core about the deliveries that it shows."""

from cdg_tui.screens.page import Asked, Page
from cdg_tui.store import Listed, Retry
from tests.cdg_tui.fake_core import FakeCore


def listed_by(core: FakeCore, page: Page, asked_s: float) -> Listed | None:
    """What the core would answer to the page's question."""
    question = page.question(Asked())
    if question is None:
        return None
    query = {
        name: str(value).lower() if value in {True, False} else str(value) for name, value in question.window.items()
    }
    items = core.fitting(query)
    retries = tuple(
        Retry(item=item, due_s=None if item.next_attempt_in_s is None else asked_s + item.next_attempt_in_s)
        for item in items
    )
    return Listed(
        question=question,
        items=retries,
        offset=0,
        total=len(items),
        all=len(items),
        gone=False,
        sending=frozenset(core.sending),
    )
