"""What the contacts of a cabinet say: a defrost that lasts too long or does not come, a door that is left open. Pure.

They are watches as the limits are (rules): time is the sum of the steps between good values, which the caller keeps short.
"""

from datetime import datetime
from typing import Final

from msgspec import structs

from core.events import Severity
from core.monitoring.course import Hold
from core.monitoring.rules import IDLE, Change, Stepped, Watch
from core.settings import Defrost

DAY_S: Final = 86_400.0
DOOR_OPEN_S: Final = 300.0
DRIP_S: Final = 600.0  # what the coil gives off after a defrost still warms the air
LONG_OPENING_S: Final = 60.0  # shorter ones let in little, and a shop has ten an hour of them
AIRING_S: Final = 900.0  # how long the air may need after a long one
REMEMBERED_S: Final = 6 * 3600.0  # how long ago a defrost may be that anybody asks for
# A defrost that is late is waited for as long again: controllers put one off while the door is open or the coil warm.
MISSED_INTERVALS: Final = 2.0


def step_contact(watch: Watch, closed: bool, longest_s: float, dt_s: float, least_s: float = 0.0) -> Stepped:
    """One value of a contact that may stay closed for `longest_s`. `quiet_s` counts since it opened in time, after having been
    closed for `elapsed_s`; what took less than `least_s` is forgotten at once.
    """
    dt_s = max(dt_s, 0.0)
    if not closed:
        quiet_s = None if watch.quiet_s is None else watch.quiet_s + dt_s
        if watch.breaching:
            quiet_s = 0.0 if watch.severity is None and watch.elapsed_s >= least_s else None
        if quiet_s is None or quiet_s > REMEMBERED_S:
            return IDLE, Change.CLEARED if watch.severity is not None else None
        return Watch(quiet_s=quiet_s, elapsed_s=watch.elapsed_s), None
    elapsed_s = watch.elapsed_s + dt_s if watch.breaching else 0.0
    on = structs.replace(watch, breaching=True, elapsed_s=elapsed_s)
    if on.severity is None and elapsed_s >= longest_s:
        return structs.replace(on, severity=Severity.WARNING), Change.OPENED
    return on, None


def defrost_window(watch: Watch, defrost: Defrost) -> Hold | None:
    """Whether a defrost is under way, or over for so short a time that the air may still be coming back.

    One that lasts too long excuses nothing any more.
    """
    if watch.breaching:
        return Hold.DEFROST if watch.severity is None else None
    return Hold.DEFROST if watch.quiet_s is not None and watch.quiet_s < defrost.recovery_s else None


def door_window(watch: Watch) -> Hold | None:
    """Whether a door has stood open long enough to warm the air, and not so long that it is an alarm itself."""
    if watch.elapsed_s < LONG_OPENING_S or watch.severity is not None:
        return None
    return Hold.DOOR if watch.breaching or (watch.quiet_s is not None and watch.quiet_s < AIRING_S) else None


def scheduled_window(defrost: Defrost, local: datetime) -> Hold | None:
    """Whether the cabinet's own clock has just defrosted it; `local` is the time of the value at the site."""
    minute_of_day = local.hour * 60 + local.minute
    for text in defrost.times:
        hour, minute = text.split(":")
        since_s = 60.0 * ((minute_of_day - int(hour) * 60 - int(minute)) % (24 * 60))
        if since_s < defrost.max_s + defrost.recovery_s:
            return Hold.DEFROST
    return None


def may_be_over(watch: Watch) -> bool:
    """Whether the drip and the fans' delay after a defrost are over too, and nobody has said so yet."""
    return watch.quiet_s is not None and watch.quiet_s >= DRIP_S and not watch.breaching


def recovered(watch: Watch) -> Watch:
    """The air is back: what comes now is not the defrost's doing."""
    return structs.replace(watch, quiet_s=None)


def step_missed(watch: Watch, defrosting: bool, defrost: Defrost, dt_s: float) -> Stepped:
    """Whether a cabinet that should defrost `per_day` times has done so; its time runs between two of them."""
    if defrost.per_day is None:
        return IDLE, None
    if defrosting:
        return IDLE, Change.CLEARED if watch.severity is not None else None
    waited = structs.replace(watch, elapsed_s=watch.elapsed_s + max(dt_s, 0.0))
    if waited.severity is None and waited.elapsed_s > MISSED_INTERVALS * DAY_S / defrost.per_day:
        return structs.replace(waited, severity=Severity.INFO), Change.OPENED
    return waited, None
