"""An audit that is to be killed: `python -m tests.core.audit_victim DIR` records as fast as it can, three at once.

Each line that it prints is the subject of a deed that was answered, and so is on disk.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from core.audit import Audit, Deed
from core.clock import SystemClock


async def main() -> None:
    audit = Audit(Path(sys.argv[1]), SystemClock())

    async def ask(caller: int) -> None:
        for number in itertools.count():
            subject = f"{os.getpid()}-{caller}-{number}"
            await audit.record(Deed(actor="uid:0", origin="socket", what="case.note", subject=subject))
            print(subject, flush=True)

    async with asyncio.TaskGroup() as group:
        for caller in range(3):
            group.create_task(ask(caller))


asyncio.run(main())
