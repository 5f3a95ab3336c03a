"""The console's only reader of time: for ages and waiting. What people read comes from the core's own clock."""

import time


def steady() -> float:
    """Seconds that only rise, suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
