# SPDX-License-Identifier: Apache-2.0
"""Run as a unit of systemd with ``Delegate=yes``: cancels programs that flee, and says in which group they were."""
import asyncio
import json
import os
import sys
from pathlib import Path

from sm.plugins.reaper import Program
from sm.plugins.scope import Scopes, own_cgroup

# Each generation lives for a moment only, so that nobody who looks through /proc finds it in time.
CHAIN = """
import os, sys
os.setsid()
while True:
    if os.fork():
        os._exit(0)
"""


async def main(place: Path) -> dict[str, object]:
    group = own_cgroup()
    scopes = Scopes(group)
    task = asyncio.ensure_future(scopes.run(Program((sys.executable, "-S", "-c", f"""
import os, subprocess, time
for _ in range(3):
    subprocess.Popen([{sys.executable!r}, "-S", "-c", {CHAIN!r}], start_new_session=True)
open({str(place)!r}, "w").write(open("/proc/self/cgroup").read())
time.sleep(3600)
"""), {}), "chain"))
    while not place.exists() or not place.read_text():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    left = [path.name for path in group.glob("attempt-*")] if group else []
    events = (group / "cgroup.procs").read_text().split() if group else []
    return {"group": str(group), "inside": place.read_text(), "left": left, "others": len(events) - 1,
            "pid": os.getpid()}


print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
