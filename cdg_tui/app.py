"""The console itself: keys to actions, the feed's news to the screens. Decides nothing about cabinets.

Blocking work is done by workers; what they learn comes back as plain calls in the same loop.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import events
from textual.content import Content

from cdg_tui.actions import PAGES, Action, on_page
from cdg_tui.clock import steady
from cdg_tui.glyphs import GlyphMode
from cdg_tui.i18n import Language, Words
from cdg_tui.screens.cases import Cases
from cdg_tui.screens.cover import Cover
from cdg_tui.screens.dead import Dead
from cdg_tui.screens.device import Device
from cdg_tui.screens.device_screen import DeviceScreen
from cdg_tui.screens.overview import Overview
from cdg_tui.screens.page import WIDE, Page, View
from cdg_tui.screens.page_screen import PageScreen
from cdg_tui.screens.retries import Retries
from cdg_tui.sentry import KEPT_TRUE, Sentry
from cdg_tui.session import Session
from cdg_tui.settings import Settings, told_shortly
from cdg_tui.settings_file import SettingsFile
from cdg_tui.shell import Shell
from cdg_tui.store import Link, LinkState, Question, Snapshot, Store
from cdg_tui.terminal import tame_continue
from cdg_tui.text import safe
from cdg_tui.widgets.filter_box import FilterBox
from cdg_tui.widgets.row_table import RowTable
from cdg_tui.worker import Worker
from core.errors import EXIT_HELD

if TYPE_CHECKING:
    from cdg_tui.client import Client
    from cdg_tui.feed import Feed
    from cdg_tui.looks import Looks

TICK_S: Final = 1.0
TYPED: Final = 64  # keys that may be on their way at the same time
NOTICE_S: Final = 20.0
STARTING_S: Final = 20.0  # a core that was just started may take so long before its silence is called a loss


class ConsoleApp(Shell):
    """Runs on a Session. Its result says what becomes of a core that was started for it, `last_words` what to print."""

    def __init__(
        self,
        session: Session,
        words: Words,
        now: Callable[[], float] = steady,
        *,
        file: SettingsFile | None = None,
        automatic: Language | None = None,
        own: GlyphMode = GlyphMode.UNICODE,
        wanted: GlyphMode | None = None,
    ):
        super().__init__(words, file=file, automatic=automatic, own=own, wanted=wanted)
        self.session, self._now = session, now
        self.store = Store()
        self.sentry = Sentry(self, now)
        self.notice, self._noticed_s = Content(""), 0.0
        self.last_words: str | None = None
        self._started_s = self._now()
        self._to_list = deque[events.Key](maxlen=TYPED)  # the last keys that were sent there
        self.client: Client | None = None
        self._feed: Feed | None = None
        self._pages = {
            page.id: (DeviceScreen if page.id == "device" else PageScreen)(page, self.view, partial(self._ask, page.id))
            for page in (Overview(), Cases(), Retries(), Dead(), Device())
        }
        self.page_screen = self._pages[PAGES[0]]

    # -- life ------------------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        await super().on_mount()
        for name, screen in self._pages.items():
            self.install_screen(screen, name)
        await self.push_screen(self.page.id)
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            tame_continue(lambda: loop.call_soon_threadsafe(self.refresh))
        self.set_interval(TICK_S, self._tick)
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        """After the first frame, which needs no HTTP library."""
        from cdg_tui.feed import Feed
        from cdg_tui.lookups import fill_trends, follow_cursor

        self.client = self.session.client()
        self._feed = Feed(self.client, self._take, self._now)
        self._feed.wanted = self.page.looks_at
        self.run_worker(self._feed.run(), group="feed", exclusive=True)
        self.run_worker(fill_trends(self.client, self.store, self.view), group="trends", exclusive=True)
        self.run_worker(follow_cursor(self.client, self.view, lambda: self.page_screen), group="course", exclusive=True)

    async def on_unmount(self) -> None:
        if self.client is not None:
            await self.client.close()

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or self._goes_on(event):
            await super().on_event(event)

    def _goes_on(self, event: events.Key) -> bool:
        """Whether Textual is to deal with it. Keys that arrive in one go are all sent to the list before the first of them has
        opened the filter's box: the others then go on to that. What follows its Enter comes back here by itself.
        """
        if not event.is_forwarded:
            if isinstance(self.focused, RowTable):
                self._to_list.append(event)
            return self.sentry.admits(event)
        if isinstance(self.focused, FilterBox) and event in self._to_list:
            self._to_list.remove(event)
            self.focused.post_message(event)
            return False
        return True

    # -- news ------------------------------------------------------------------------------------------------------

    def view(self) -> View:
        """What pages are made from, as of now."""
        wide = self.size.width >= WIDE
        return View(
            store=self.store,
            words=self.words,
            now_s=self._now(),
            wide=wide,
            notice=self.notice,
            actions=self.actions,
            access=self.sentry.access,
            alarms=self.sentry.alarms.of(self.store.cases),
            unsettled=told_shortly(self.complaints, self.words, self.file.name),
        )

    def use(self, settings: Settings) -> None:
        before = self.words
        super().use(settings)
        if self.words.language != before.language:
            self.notice = Content("")  # it was said in the other one
        self.show()

    def _ask(self, page: str, question: Question | None, at_once: bool) -> None:
        """The deliveries that a page wants to show; of one that is not to be seen nobody asks."""
        if self._feed is not None and page == self.page.id:
            self._feed.question = question
            if at_once:
                self._feed.poke()

    def poke(self) -> None:
        """Ask the core at once."""
        if self._feed is not None:
            self._feed.poke()

    def say(self, text: str, *, trouble: bool = False) -> None:
        """What became of something, on the line above the keys."""
        self.notice, self._noticed_s = Content.styled(safe(text), "bold red" if trouble else "bold"), self._now()
        self.show()

    def on_row_table_moved(self, moved: RowTable.Moved) -> None:
        """A row that goes from under the cursor is worth a word, though less than what is said already."""
        if moved.vanished and self.asks_nothing and not self.notice:
            self.say(self.words("notice.vanished"))

    def _take(self, news: Snapshot | Link) -> None:
        if isinstance(news, Snapshot):
            self.store.apply(news)
            self.sentry.heard(news)
        else:
            self.store.link = replace(news, state=LinkState.CONNECTING) if self._starting else news
        self.show()

    @property
    def _starting(self) -> bool:
        """Our own core has not answered yet, and may still."""
        worker = self.session.worker
        young = worker is not None and worker.ended is None and self._now() - self._started_s < STARTING_S
        return young and self.store.heard_s is None

    def _tick(self) -> None:
        """Everything grows older, whether somebody answers or not."""
        if self.session.worker is not None:
            self._mind(self.session.worker)
        if self.notice and self._now() - self._noticed_s > NOTICE_S:
            self.notice = Content("")
        self.sentry.tick()
        age_s = self.store.age_s(self._now())
        if age_s is None or age_s > TICK_S:  # younger news has been shown when it came
            self.show()

    def _mind(self, worker: Worker) -> None:
        code = worker.ended
        if code == EXIT_HELD and not self.session.demo:
            self.session.worker = None  # another core came first: it is the one to look at
        elif code is not None and self.store.heard_s is None:
            self.last_words = worker.last_words
            self.exit(return_code=code or 1)
        elif worker.keep(self._now()):
            self.say(self.words("notice.core_ended", why=worker.last_words), trouble=True)

    def show(self) -> None:
        """Bring all that can be seen up to date."""
        if not self.is_running:
            return  # the screens are being taken apart while the feed still has something to tell
        for screen in reversed(self.screen_stack):  # under a dialog too: it can be seen, so it must be true
            if isinstance(screen, KEPT_TRUE):
                screen.show()
            if isinstance(screen, Cover):
                break  # whatever changes below it would be drawn, and all of it anew

    # -- keys ------------------------------------------------------------------------------------------------------

    @property
    def page(self) -> Page:
        """The one that is shown, or lies under a dialog."""
        return self.page_screen.page

    @property
    def cursor_key(self) -> str | None:
        """The row that a writing key is about."""
        return self.page_screen.cursor_key

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys act on the page that shows them; dialogs have keys of their own."""
        if action != "act":
            return True
        return self.asks_nothing and any(known.id in parameters for known in on_page(self.page.id))

    @property
    def asks_nothing(self) -> bool:
        """No dialog is open."""
        return isinstance(self.screen, PageScreen)

    async def action_act(self, name: str) -> None:
        if name in PAGES:
            await self._turn_to(name)
        elif not self._action(name).writes:
            look: Callable[[], Awaitable[None] | None] = getattr(self._looks, name)
            if (asking := look()) is not None:
                self.run_worker(asking, group="looks")
        elif self.client is not None:
            from cdg_tui.commands import Commands

            write: Callable[[], Awaitable[None]] = getattr(Commands(self, self.client), name)
            self.run_worker(write, group="commands")

    @property
    def _looks(self) -> "Looks":
        from cdg_tui.looks import Looks  # dialogs and boxes that the first frame doesn't wait for

        return Looks(self)

    def _action(self, name: str) -> Action:
        return next(action for action in self.actions if action.id == name)

    async def _turn_to(self, page: str) -> None:
        self.sentry.turned(page)
        if page != self.page.id:
            self.page_screen, self.notice = self._pages[page], Content("")
            if self._feed is not None:
                self._feed.wanted = self.page.looks_at
            await self.switch_screen(page)
        self.poke()

    async def action_quit(self) -> None:
        """Textual's own ctrl+q, which no dialog hears of before."""
        if self.asks_nothing:
            self._looks.leave()

    def action_help_quit(self) -> None:
        self._looks.leave()
