"""What was too warm already when somebody could look again after an outage. Pure.

Controllers call it HF: the power fails, and with it whoever would have counted the minutes; the goods may have been warm for
as long as nobody looked.
"""

from msgspec import structs

from core.events import Severity
from core.monitoring.rules import IDLE, Change, Edge, Stepped, Watch, counted


def step_outage(watch: Watch, edge: Edge, value: float, dt_s: float, *, after_gap: bool) -> Stepped:
    """One good value, the first one after an outage or a later one."""
    excess = edge.excess(value, edge.inner)
    if watch.severity is None:
        if not after_gap or excess <= 0:
            return watch, None
        return Watch(severity=Severity.WARNING, peak=value), Change.OPENED
    drawn = counted(watch, edge, value, min(max(dt_s, 0.0), edge.longest_step_s), excess)
    watch = structs.replace(drawn, course=(), minute=(0.0, 0))
    if watch.inside_s is not None and watch.inside_s >= edge.clear_delay_s:
        return IDLE, Change.CLEARED
    return watch, None
