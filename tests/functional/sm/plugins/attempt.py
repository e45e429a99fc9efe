# SPDX-License-Identifier: Apache-2.0
"""``python attempt.py JOB``: one attempt of a plug-in in this network namespace; prints code and text as JSON."""
import asyncio
import json
import sys
from pathlib import Path

from sm.contract.states import PluginKind, ServiceAction
from sm.core.model import ActionSpec, ServiceSpec
from sm.plugins.plugin import Job, Tools, load
from sm.plugins.scope import Scopes
from sm.systemd.units import Units


async def main() -> None:
    wanted = json.loads(sys.argv[1])
    plugins, _ = load(Tools(Scopes(), Units(), Path("/")))
    spec = ActionSpec(ServiceAction.ENABLE, PluginKind(wanted["plugin"]), wanted["name"], wanted["command"], 20,
                      wanted.get("provider", ""))
    plugin = plugins[spec.plugin]
    outcome = await plugin.attempt(Job(ServiceSpec("floating", {}, parameters=wanted["parameters"]), spec))
    # As long as a daemon lives: until the announcements are out.
    await asyncio.sleep(float(wanted.get("linger_s", 0)))
    await plugin.close()
    print(json.dumps({"code": outcome.code, "text": outcome.text}))


asyncio.run(main())
