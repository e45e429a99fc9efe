# SPDX-License-Identifier: Apache-2.0
"""Resource agents of the Open Cluster Framework: ``provider`` and ``name`` say which, ``command`` is its word."""
from __future__ import annotations

from typing import ClassVar

from sm.contract.states import PluginKind
from sm.plugins import script
from sm.plugins.plugin import Job, Outcome, Tools, checked_name

OCF_ROOT = "usr/lib/ocf"


class OcfPlugin:
    """Executes ``/usr/lib/ocf/resource.d/<provider>/<name> <command>``."""

    kind: ClassVar[PluginKind] = PluginKind.OCF

    def __init__(self, tools: Tools) -> None:
        self._scopes = tools.scopes
        self._root = tools.root / OCF_ROOT

    async def attempt(self, job: Job) -> Outcome:
        """Run the agent once."""
        provider, name = checked_name(job.spec.provider, "provider"), checked_name(job.spec.name, "name")
        env = {
            **script.variables(job.service.parameters, "OCF_RESKEY_"),
            **script.variables(job.spec.parameters, "OCF_RESKEY_CRM_meta_"),
            "OCF_RA_VERSION_MAJOR": "1", "OCF_RA_VERSION_MINOR": "1", "OCF_ROOT": str(self._root),
            "OCF_RESOURCE_INSTANCE": job.service.instance or job.service.name, "OCF_RESOURCE_TYPE": name,
            "OCF_RESOURCE_PROVIDER": provider, "HA_LOGFACILITY": "daemon",
        }
        path = self._root / "resource.d" / provider / name
        return await script.run(self._scopes, job, path, (checked_name(job.spec.command, "command"),), env)

    async def close(self) -> None:
        """Nothing is held."""


PLUGIN = OcfPlugin
