"""Sources that hang, refuse or are missing, beside healthy ones in one running core."""

import socket
import time
from collections.abc import Callable

from tests.e2e.conftest import Core, free_port, wait_until

# Name -> what the source is, the point of its one sensor, and the fault that is to be seen.
DEAD = {
    "hangs": ('driver = "http_json"\nurl = "http://127.0.0.1:{hangs}/"\ntimeout_s = 0.5', '"t"', "timeout"),
    "mute": (
        'driver = "modbus"\nurl = "tcp://127.0.0.1:{hangs}"\ntimeout_s = 0.5',
        "{{ unit = 1, function = 3, address = 0 }}",
        "timeout",
    ),
    "off": ('driver = "http_json"\nurl = "http://127.0.0.1:{nobody}/"', '"t"', "unreachable"),
    "cut": (
        'driver = "modbus"\nurl = "tcp://127.0.0.1:{nobody}"',
        "{{ unit = 1, function = 3, address = 0 }}",
        "unreachable",
    ),
    "gone": ('driver = "replay"\npath = "gone.csv"', '"t"', "no_such_file"),
}
ALIVE = {f"well{number}": ('driver = "simulated"', '"chiller"', None) for number in (1, 2, 3)}
BOX = '[device]\nid = "box"\nsite = "s-1"\n[monitor]\ninterval_s = 0.25\nheartbeat_s = 0\n'
WITH_SOURCE = """
[[sources]]
id = "{name}"
{source}
[[cabinets]]
id = "{name}"
[[sensors]]
id = "{name}.air"
cabinet = "{name}"
source = "{name}"
point = {point}
"""


def test_dead_sources_disturb_no_other(core: Callable[..., Core]) -> None:
    """In a running core: whatever hangs, refuses or is missing, the others are read at their own pace."""
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        ports = {"hangs": hangs.getsockname()[1], "nobody": free_port()}
        tables = [
            WITH_SOURCE.format(name=name, source=source.format(**ports), point=point.format())
            for name, (source, point, _) in (DEAD | ALIVE).items()
        ]
        box = core(BOX + "".join(tables))
        box.start()
        wait_until(
            lambda: _faults(box) == {name: fault for name, (_, _, fault) in DEAD.items()}, "all of them are known"
        )
        end, oldest_s = time.monotonic() + 3.0, 0.0
        while time.monotonic() < end:
            ages = {one["cabinet"]: one["age_s"] for one in box.get("readings")["items"]}
            oldest_s = max(oldest_s, *(ages[name] for name in ALIVE))
            time.sleep(0.02)
        assert oldest_s < 2 * 0.25, "a healthy source missed its turn"


def _faults(box: Core) -> dict[str, str]:
    items = box.get("readings")["items"]
    return {one["cabinet"]: one["fault"] for one in items if one["quality"] == "fault" and one["value"] is None}
