"""How a list is shown: sorted, turned round, marked, folded into groups, standing still."""

from dataclasses import replace

from cdg_tui.errors import ClientError
from cdg_tui.looks.looking import Looking
from cdg_tui.screens.box import BOX
from cdg_tui.screens.dead import group_of


class ListingLooks(Looking):
    """Each method is one action."""

    def sort(self) -> None:
        """By the next of the page's orders."""
        screen = self._screen
        orders = 1 if screen.asked.folded else len(screen.page.orders)
        screen.want(replace(screen.asked, order=(screen.asked.order + 1) % orders, turned=False))

    def reverse(self) -> None:
        screen = self._screen
        screen.want(replace(screen.asked, turned=not screen.asked.turned))

    def mark(self) -> None:
        screen = self._screen
        if not screen.asked.folded:
            screen.table.mark()
            screen.show()

    async def mark_all(self) -> None:
        """All that fit the filter, also those that are not in sight; where all are marked already, none."""
        app, screen = self._app, self._screen
        asked = screen.asked
        question = screen.page.question(asked)
        if question is None or app.client is None or screen.asked.folded:
            return
        try:
            found = await app.client.retry_ids(question.query)
        except ClientError as error:
            app.say(app.words("notice.refused", why=error.told(app.words)), trouble=True)
            return
        if screen.asked != asked:
            return  # the list that they were to be marked in is another one by now
        ids = found.delivery_ids
        screen.table.mark_these(() if set(ids) <= set(screen.table.marked) else ids)
        if found.total > len(ids):
            app.say(app.words("list.most", n=len(ids), all=found.total))
        screen.show()

    def fold(self) -> None:
        """One row for each group of dead letters, or one for each of them."""
        screen = self._screen
        screen.table.mark_these(())
        screen.want(replace(screen.asked, folded=not screen.asked.folded, group=None, text=""))

    def freeze(self) -> None:
        """The list stands still; what is said above it goes on."""
        screen = self._screen
        screen.frozen_s = self._app.view().now_s if screen.frozen_s is None else None
        screen.show()

    def copy(self) -> None:
        """What the row is called, to the clipboard, and on the screen to be read out."""
        if (called := self._called()) is not None:
            self._app.copy_to_clipboard(called)
            self._app.say(self._app.words("list.copied", id=called))

    def _called(self) -> str | None:
        """Its id; of the box's own row the device's, of a group the endpoint's."""
        app, key = self._app, self._screen.cursor_key
        if key == BOX:
            return None if app.store.status is None else app.store.status.device.id
        if self._screen.asked.folded:
            group = group_of(app.store, key)
            return None if group is None else group.endpoint
        return key
