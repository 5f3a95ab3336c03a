"""One poll of one source, whatever its driver does: a mistake in one must not stop the polling of the others."""

import asyncio
import logging

from core.clock import Clock
from core.errors import SensorError
from core.monitoring.posts import Line
from core.samples import Sample

log = logging.getLogger(__name__)


async def samples(line: Line, clock: Clock) -> list[Sample]:
    """What the source gives; where it fails as a whole, a fault for each of its sensors."""
    try:
        async with asyncio.timeout(line.deadline_s):
            given = await line.source.poll()
    except SensorError as error:
        code, detail = error.code, str(error)
    except TimeoutError:
        code, detail = "timeout", f"no answer within {line.deadline_s:g} s"
    except Exception as error:
        # A mistake in one driver must not stop the polling of the others, as it would from the supervisor up there.
        code, detail = "driver_failed", f"driver_failed: {type(error).__name__}"
        if line.error != detail:
            log.exception("the driver of source %r failed", line.id)
    else:
        if line.error is not None:
            log.info("source %r works again", line.id)
        line.error, line.worked_s = None, clock.steady()
        line.ahead_s = given[-1].steady_s - line.worked_s if given else line.ahead_s
        return given
    if line.error != detail:
        log.warning("source %r fails: %s", line.id, detail)
    line.error = detail
    # In the source's own time, as its values are: a recording's or a simulation's is not the box's.
    now, source_s = clock.now(), clock.steady() + line.ahead_s
    return [Sample(sensor=sensor.id, at=now, steady_s=source_s, fault=code) for sensor in line.sensors]
