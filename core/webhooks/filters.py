"""Which deliveries are meant: the same question of the list, of a drain and of a recovery. Pure."""

from msgspec import Struct

from core.webhooks.deliveries import Delivery


class Filter(Struct, frozen=True, kw_only=True):
    """What a delivery must have; None asks for nothing. `error_class` is that of its last attempt."""

    endpoint: str | None = None
    event_type: str | None = None
    case_id: str | None = None
    severity: str | None = None
    error_class: str | None = None

    def fits(self, delivery: Delivery) -> bool:
        last = delivery.last_attempt
        return (
            self.endpoint in (None, delivery.endpoint)
            and self.event_type in (None, delivery.event_type)
            and self.case_id in (None, delivery.case_id)
            and self.severity in (None, delivery.severity)
            and self.error_class in (None, last.error_class if last else None)
        )
