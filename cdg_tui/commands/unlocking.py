"""An operator's PIN, from the question to the core's answer. Kept nowhere: the core checks it and hands out a token."""

from cdg_tui.commands.asking import Asking
from cdg_tui.errors import ClientError, RefusedError
from cdg_tui.screens.unlock_dialog import UnlockDialog
from core import wire_access

_CHECKED = {"wrong_pin", "too_many_tries"}


class Unlocking(Asking):
    """Unlocks a console that only reads, or locks it again."""

    async def turn(self) -> None:
        app, now_s = self._app, self._app.view().now_s
        access = app.sentry.access
        if access.operator_at(now_s) is not None:
            app.sentry.lock("access.locked")
        elif not access.takes_pin:
            app.say(self._words("access.token" if access.reads_only else "access.open"))
        elif app.asks_nothing:
            await self._ask()

    async def _ask(self) -> None:
        try:
            operators = (await self._client.operators()).items
        except ClientError as refusal:
            self._failed(refusal)
            return
        if not operators:
            self._app.say(self._words("unlock.nobody"), trouble=True)
        elif self._app.asks_nothing:
            names = tuple(operator.name for operator in operators)
            await self._app.push_screen(UnlockDialog(self._words, names, self._try))

    async def _try(self, operator: str, pin: str) -> str | None:
        """None where it is unlocked now, else why not."""
        asked_s = self._app.view().now_s
        try:
            answer = await self._client.unlock(wire_access.Unlock(operator=operator, pin=pin))
        except ClientError as refusal:
            if isinstance(refusal, RefusedError) and refusal.wait_s is not None:
                return self._words("unlock.wait", wait=self._words.lasting(refusal.wait_s))
            why = refusal.told(self._words)
            return why if refusal.cause in _CHECKED else self._words("notice.refused", why=why)
        self._app.sentry.unlocked(answer.operator, asked_s + answer.expires_in_s)
        return None
