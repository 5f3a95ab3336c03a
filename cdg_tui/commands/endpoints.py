"""What the keys do to endpoints: hold them back, let them go on, and try whether anything arrives there."""

from typing import Final

from cdg_tui.commands.asking import Asking
from cdg_tui.errors import ClientError
from cdg_tui.screens.endpoint import marked
from cdg_tui.screens.form import Form
from cdg_tui.screens.page import outcome
from cdg_tui.text import NOTHING
from core.wire_endpoints import EndpointItem, Pause, Resume

REASONS: Final = ("their_maintenance", "new_address", "own_works", "too_many", "other")


class EndpointCommands(Asking):
    """Each method is one action."""

    async def pause(self) -> None:
        endpoint, words = self._endpoint(), self._words
        if endpoint is None:
            return
        lines = (*self._about(endpoint), words("pause.warning"), words("dialog.as", who=self._who))
        reasons = ((words("pause.reason"), [words(f"because.{name}") for name in REASONS]),)
        said = await self._answered(Form(words, words("pause.title"), lines, reasons, words("pause.choose")))
        if said is not None:
            body = Pause(by=self._who, reason=said.text())
            await self._send(lambda: self._client.pause(endpoint.id, body), "pause.done")

    async def resume(self) -> None:
        endpoint = self._endpoint()
        if endpoint is None:
            return
        if await self._confirmed("resume.title", (*self._about(endpoint), self._words("dialog.as", who=self._who))):
            await self._send(lambda: self._client.resume(endpoint.id, Resume(by=self._who)), "resume.done")

    async def test(self) -> None:
        endpoint, words = self._endpoint(), self._words
        if endpoint is None or not await self._confirmed("test.title", (*self._about(endpoint), words("test.about"))):
            return
        self._app.say(words("test.sending"))
        try:
            told = await self._client.test(endpoint.id)
        except ClientError as refusal:
            self._failed(refusal)
            return
        if told.outcome == "delivered":
            self._app.say(words("test.delivered", to=told.endpoint, ms=told.duration_ms))
        else:
            why = outcome(words, told.http_status, told.error_class, told.error or NOTHING)
            self._app.say(words("test.failed", to=told.endpoint, why=why), trouble=True)
        self._app.poke()

    def _endpoint(self) -> EndpointItem | None:
        return self._target(self._app.store.endpoint(self._key))

    def _about(self, endpoint: EndpointItem) -> tuple[str, ...]:
        words = self._words
        state = marked(self._app.view(), endpoint.state).strip()
        return (
            f"{endpoint.id}  {endpoint.host or NOTHING}  {state}",
            words("dialog.waiting", pending=endpoint.pending, dead=endpoint.dead_letter),
        )
