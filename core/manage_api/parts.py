"""What the routes may look at and act on. The guard fills it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.audit import Audit
from core.clock import Clock
from core.device import Device
from core.journal import Archive, SnapshotJournal
from core.manage_api.auth import Authenticator
from core.monitoring.case_book import CaseBook
from core.monitoring.health import Disk
from core.monitoring.history import History
from core.monitoring.monitor import Monitor
from core.settings import LoadedSettings
from core.webhooks.dispatcher import Dispatcher
from core.webhooks.drains import Drains
from core.webhooks.escalation import Escalation
from core.webhooks.retry_queue import RetryQueue


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The running parts of one core. `troubles` gives code -> sentence for what no other part knows (doors, loops); `disk`
    what is known of the data directory's.
    """

    loaded: LoadedSettings
    clock: Clock
    device: Device
    monitor: Monitor
    book: CaseBook
    history: History
    queue: RetryQueue
    dispatcher: Dispatcher
    drains: Drains
    escalation: Escalation
    journals: Mapping[str, SnapshotJournal]
    archive: Archive
    audit: Audit
    authenticator: Authenticator
    troubles: Callable[[], dict[str, str]]
    disk: Callable[[], Disk | None]
