# SPDX-License-Identifier: Apache-2.0
"""The hiera files that operators and restores read: ``system.yaml``, ``secure_system.yaml``, ``<hostname>.yaml``."""
from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from flock.exec.atomic import replace_text
from sysinv.config.hiera import Rendered

LOG = logging.getLogger(__name__)
MODE = 0o600
SYSTEM, SECURE_SYSTEM = "system", "secure_system"
SECURE = "secure_"
# Names of hosts, which become names of files. A host with the name of another file has none.
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,254}")


class HieraFiles:
    """Writes the files of ``directory`` atomically, and only those whose content changed. None: writes none."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def write(self, hostname: str, made: Rendered) -> None:
        """Write the files of the system and of one host. Hosts do not need them, so an error is only logged."""
        if self._directory is None or not _NAME.fullmatch(hostname) or hostname == SYSTEM:
            return
        files: dict[str, Mapping[str, Any]] = {SYSTEM: made.system, SECURE_SYSTEM: made.secure_system,
                                               hostname: made.host}
        if made.secure_host:
            files[SECURE + hostname] = made.secure_host
        with self._lock:
            for name, data in files.items():
                try:
                    replace_text(self._directory / f"{name}.yaml", yaml.safe_dump(dict(data), sort_keys=True), MODE)
                except OSError as error:
                    LOG.error("hiera file %s cannot be written: %s", name, error)

    def keep_only(self, hostnames: Iterable[str]) -> None:
        """Remove the files of all other hosts."""
        if self._directory is None or not self._directory.is_dir():
            return
        wanted = {SYSTEM, SECURE_SYSTEM, *hostnames, *(SECURE + name for name in hostnames)}
        with self._lock:
            for path in self._directory.glob("*.yaml"):
                if path.stem not in wanted:
                    path.unlink(missing_ok=True)
