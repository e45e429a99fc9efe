# SPDX-License-Identifier: Apache-2.0
"""What the plug-ins that execute a program of the file system share: checks of the file, environment, limits."""
from __future__ import annotations

import os
import re
import resource
import stat
from collections.abc import Mapping
from pathlib import Path

from sm.contract.states import AUDITS
from sm.plugins.plugin import Job, Outcome, PluginFailed
from sm.plugins.reaper import Program
from sm.plugins.scope import NotStarted, Scopes

BASE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root"}
# Only audits: what a program leaves running inherits its limits.
AUDIT_LIMITS = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 64 << 20}
VALUE_MAX_CHARS = 4096
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


async def run(scopes: Scopes, job: Job, path: Path, arguments: tuple[str, ...], env: Mapping[str, str]) -> Outcome:
    """Execute ``path`` for the job. Raises PluginFailed, also when a signal ended it."""
    check_program(path)
    limits = AUDIT_LIMITS if job.spec.action in AUDITS else {}
    program = Program((str(path), *arguments), {**BASE, **env}, limits)
    try:
        ended = await scopes.run(program, job.service.name)
    except NotStarted as exc:
        raise PluginFailed(str(exc)) from exc
    if ended.status < 0:
        raise PluginFailed(f"{path} was ended by signal {-ended.status}\n{ended.text}"[:VALUE_MAX_CHARS])
    return Outcome(ended.status, ended.text)


def check_program(path: Path) -> None:
    """Refuse a file that is no program, or that others than its owner and root can change. Raises PluginFailed."""
    try:
        status = path.stat()
    except OSError as exc:
        raise PluginFailed(f"{path} cannot be used: {exc.strerror}") from exc
    if not stat.S_ISREG(status.st_mode) or not os.access(path, os.X_OK):
        raise PluginFailed(f"{path} is no program")
    if status.st_mode & stat.S_IWOTH or status.st_uid not in (0, os.getuid()):
        raise PluginFailed(f"{path} can be changed by others than root")


def variables(parameters: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Parameters as variables with ``prefix`` before each name. Raises PluginFailed."""
    for name, value in parameters.items():
        if not _VARIABLE.fullmatch(name):
            raise PluginFailed(f"the name of parameter {name!r} must be letters, digits and underscores")
        if "\0" in value or len(value) > VALUE_MAX_CHARS:
            raise PluginFailed(f"parameter {name} must be at most {VALUE_MAX_CHARS} characters, none of them null")
    return {prefix + name: value for name, value in parameters.items()}
