"""Who may write at this console, and until when. Plain values: the core decides, this only knows what it said."""

from dataclasses import dataclass, replace
from typing import Final

from core.wire_access import TokenScope, WhoAmI

IDLE_S: Final = 120.0  # without a key: nobody stands there any more


@dataclass(frozen=True, kw_only=True)
class Access:
    """`scope` is what the core lets this console do without a PIN, None before it said so; on a box far away there is no
    PIN (`by_token`). `operator` unlocked it until `until_s`, in steady seconds. A kiosk wants a PIN whatever its scope.
    """

    kiosk: bool = False
    scope: TokenScope | None = None
    by_token: bool = False
    operator: str | None = None
    until_s: float = 0.0

    def heard(self, me: WhoAmI) -> "Access":
        """What the core said; of an operator's own scope it speaks only until he is gone."""
        if me.via is not None:
            return self
        return replace(self, scope=me.scope, by_token=me.actor.startswith("token:"))

    def unlocked(self, operator: str, until_s: float) -> "Access":
        return replace(self, operator=operator, until_s=until_s)

    def locked(self) -> "Access":
        return replace(self, operator=None, until_s=0.0)

    @property
    def reads_only(self) -> bool:
        """Whether nothing can be written without a PIN."""
        return self.kiosk or self.scope == "read"

    @property
    def takes_pin(self) -> bool:
        """Whether a PIN would open it."""
        return self.reads_only and not self.by_token

    def operator_at(self, now_s: float) -> str | None:
        """Who has it unlocked."""
        return self.operator if now_s < self.until_s else None

    def may_write(self, now_s: float) -> bool:
        return not self.reads_only or self.operator_at(now_s) is not None
