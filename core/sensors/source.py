"""The contract of a sensor driver: a source is polled for all of its points in one go."""

from typing import Protocol

from core.samples import Sample


class Source(Protocol):
    """One bus, gateway or file with the sensors that hang on it."""

    simulated: bool
    """Whether its values are invented or recorded; such events are marked `simulated`."""

    async def poll(self) -> list[Sample]:
        """Read every point once; samples come oldest first, several of a sensor where time runs faster.

        A point that could not be read is a sample with a `fault`. Raises SensorError when the whole source failed:
        its code then is the fault of each of its sensors.
        """

    async def close(self) -> None:
        """Give back sockets and files."""
