"""Whether a breach looks like a defrost or like the way back from one. Pure: the course of the air since it began is enough.

Two things tell normal running from a failure, on every cabinet and whatever its size:

* What is on its way back needs no alarm: the air is clearly below its peak, and falls so that it is inside again within
  RETURN_S.
* A cabinet that nobody cools any more warms ever more slowly, since it comes nearer to the room (Newton's law of cooling). A
  rise that does not slow down is being driven: by the heater of a defrost, at most for HEATING_S.

Neither holds an alarm beyond LONGEST_S of judged time (rules) from the first minute above the limit.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

MINUTE_S: Final = 60.0
LONGEST_S: Final = 75 * MINUTE_S
HEATING_S: Final = (
    45 * MINUTE_S
)  # the longest defrost that controllers are set to (Danfoss EKC: every 8 h, 45 min at most)
RETURN_S: Final = 30 * MINUTE_S
TURNED_K: Final = 0.5  # more than a probe's noise
HEATING_K: Final = 0.1  # per minute: slower, noise decides whether a rise slows down
FALLING_MINUTES: Final = 3  # long enough for a probe's noise, short enough to see the turn
SHORTEST_HALF: Final = 4  # minutes of which a slope can be told


class Hold(StrEnum):
    """Why an alarm that is due waits. Inferred ones are guesses from the course, the others are known."""

    DEFROST = "defrost"
    STARTUP = "startup"
    DOOR = "door"
    MAINTENANCE = "maintenance"
    HEATING = "heating"  # inferred
    RETURNING = "returning"  # inferred


def hold(excesses: Sequence[float], excess: float, *, heated: bool = True) -> Hold | None:
    """`excesses`: how far beyond the limit, in K, minute by minute since the breach began; `excess`: now. `heated`: whether
    a defrost is what leads that way; air that gets ever colder is no defrost.
    """
    elapsed_s = len(excesses) * MINUTE_S
    if elapsed_s >= LONGEST_S:
        return None
    if len(excesses) > FALLING_MINUTES:
        fall_k = -slope(excesses[-FALLING_MINUTES - 1 :])
        if (
            fall_k > 0
            and excess <= max(excesses) - TURNED_K
            and excess / fall_k * MINUTE_S <= min(RETURN_S, LONGEST_S - elapsed_s)
        ):
            return Hold.RETURNING
    half = len(excesses) // 2
    if (
        heated
        and half >= SHORTEST_HALF
        and elapsed_s < HEATING_S
        and HEATING_K <= slope(excesses[:half]) <= slope(excesses[half:])
    ):
        return Hold.HEATING
    return None


def slope(values: Sequence[float]) -> float:
    """K per minute, by least squares over values a minute apart."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = sum((at - middle) ** 2 for at in range(count))
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / spread if spread else 0.0


def drawn_on(
    drawn: tuple[float, ...], minute: tuple[float, int], elapsed_s: float
) -> tuple[tuple[float, ...], tuple[float, int]]:
    """The course with every minute that is over by now; over those of a long step it runs straight."""
    over = int(min(elapsed_s, LONGEST_S) // MINUTE_S) + 1 - len(drawn)
    if over <= 0:
        return drawn, minute
    mean, last = minute[0] / minute[1], drawn[-1] if drawn else minute[0] / minute[1]
    return (*drawn, *[last + (mean - last) * at / over for at in range(1, over + 1)]), (0.0, 0)
