# SPDX-License-Identifier: Apache-2.0
"""Init scripts of the Linux Standard Base: the name is the script's, ``command`` its word."""
from __future__ import annotations

from typing import ClassVar

from sm.contract.states import PluginKind
from sm.plugins import script
from sm.plugins.plugin import Job, Outcome, Tools, checked_name


class LsbPlugin:
    """Executes ``/etc/init.d/<name> <command>``, and keeps the script from handing the work to systemd."""

    kind: ClassVar[PluginKind] = PluginKind.LSB

    def __init__(self, tools: Tools) -> None:
        self._scopes = tools.scopes
        self._directory = tools.root / "etc/init.d"

    async def attempt(self, job: Job) -> Outcome:
        """Run the script once."""
        path = self._directory / checked_name(job.spec.name, "name")
        env = {**script.variables(job.parameters()), "SYSTEMCTL_SKIP_REDIRECT": "1"}
        return await script.run(self._scopes, job, path, (checked_name(job.spec.command, "command"),), env)

    async def close(self) -> None:
        """Nothing is held."""


PLUGIN = LsbPlugin
