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
        return (
            (self.endpoint is None or self.endpoint == delivery.endpoint)
            and (self.event_type is None or self.event_type == delivery.event_type)
            and (self.case_id is None or self.case_id == delivery.case_id)
            and (self.severity is None or self.severity == delivery.severity)
            and (self.error_class is None or self._failed_so(delivery))
        )

    def _failed_so(self, delivery: Delivery) -> bool:
        last = delivery.last_attempt
        return last is not None and last.error_class == self.error_class
