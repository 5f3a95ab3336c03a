"""设置: a person's own choices for this console. Each shows at once; Enter keeps them, Esc puts everything back as it was."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from cdg_tui.i18n import Words
from cdg_tui.screens.dialog import Dialog, say_on
from cdg_tui.settings import CHOICES, Settings
from cdg_tui.widgets.choice import Choice, Choices
from cdg_tui.widgets.line import Line

_ON_OFF: Final = {"on": True, "off": False}
_OPTIONS: Final[Mapping[str, Sequence[str]]] = {**CHOICES, "bell": tuple(_ON_OFF)}


class SettingsDialog(Dialog[dict[str, Any] | None]):
    """`preview` shows the console as chosen and says in which words; `said` is what stands above the lists. Of `open_ones` it
    isn't known what the user wants. Answers with what was chosen, by its names in the file.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "keep", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        words: Words,
        settings: Settings,
        open_ones: Collection[str],
        said: Callable[[Words], Content],
        preview: Callable[[Settings], Words],
    ):
        super().__init__(words, words("settings.title"))
        self._settings, self._said, self._preview = settings, said, preview
        # Made before they are shown: a key may be quicker than the screen.
        self._lists = {name: Choice(*self._worded(name), index=self._index(name, open_ones)) for name in _OPTIONS}

    def _index(self, name: str, open_ones: Collection[str]) -> int | None:
        value = getattr(self._settings, name)
        option = next((word for word, meant in _ON_OFF.items() if meant is value), value)
        return None if name in open_ones else _OPTIONS[name].index(option)

    def parts(self) -> ComposeResult:
        yield Line(classes="said")
        yield Choices(*self._lists.values(), onward=False)

    def on_mount(self) -> None:
        self._reword(self.words)
        self.begin_with(self.query(Choice).first())

    def answers(self) -> Content:
        return Content(self.words("settings.keys"))

    def _worded(self, name: str) -> tuple[str, list[str]]:
        return self.words(f"settings.{name}"), [self.words(f"option.{option}") for option in _OPTIONS[name]]

    def _reword(self, words: Words) -> None:
        self.words = words
        say_on(self, ".title", Content.styled(words("settings.title"), "bold"))
        say_on(self, ".said", self._said(words))
        for name, choice in self._lists.items():
            choice.reword(*self._worded(name))
        self.show_answers()

    def on_choice_chosen(self) -> None:
        self._reword(self._preview(replace(self._settings, **self._chosen())))

    def _chosen(self) -> dict[str, Any]:
        chosen = {name: _OPTIONS[name][one.index] for name, one in self._lists.items() if one.index is not None}
        return {name: _ON_OFF.get(value, value) for name, value in chosen.items()}

    def action_keep(self) -> None:
        self.dismiss(self._chosen())

    def action_leave(self) -> None:
        self.dismiss(None)
