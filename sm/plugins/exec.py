# SPDX-License-Identifier: Apache-2.0
"""Any program: the name is its absolute path, ``command`` its only argument, parameters are variables.

Its codes are those of OCF agents: ``monitor`` ends with 0 when the service runs and with 7 when it does not.
"""
from __future__ import annotations

from pathlib import PurePosixPath
from typing import ClassVar

from sm.contract.states import PluginKind
from sm.plugins import script
from sm.plugins.plugin import Job, Outcome, PluginFailed, Tools, checked_name


class ExecPlugin:
    """Executes the program of the name."""

    kind: ClassVar[PluginKind] = PluginKind.EXEC

    def __init__(self, tools: Tools) -> None:
        self._scopes = tools.scopes
        self._root = tools.root

    async def attempt(self, job: Job) -> Outcome:
        """Run the program once."""
        path = PurePosixPath(job.spec.name)
        if not path.is_absolute() or ".." in path.parts:
            raise PluginFailed("name must be an absolute path without ..")
        arguments = (checked_name(job.spec.command, "command"),) if job.spec.command else ()
        return await script.run(self._scopes, job, self._root / path.relative_to("/"), arguments,
                                script.variables(job.parameters()))

    async def close(self) -> None:
        """Nothing is held."""


PLUGIN = ExecPlugin
