# SPDX-License-Identifier: Apache-2.0
"""Tells the conductor when somebody changes the platform user's password on a controller with ``passwd``."""
from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from flock.core.errors import FlockError
from flock.rpc.errors import VersionMismatch
from sysinv.contract.rpc import HostConfiguration
from sysinv.model.hostfiles import user_purpose
from sysinv.resources.user.rules import Entry, shadow_entry, signature

LOG = logging.getLogger(__name__)
SHADOW = Path("/etc/shadow")
SIGNATURE = Path("/etc/platform/user.signature")


class UserPassword:
    """``seal`` returns a text sealed for a purpose with the key in ``key_file``. Only controllers have that key, and no
    password of another host is taken up."""

    def __init__(self, conductor: HostConfiguration, key_file: Path, seal: Callable[[str, str], str],
                 shadow: Path = SHADOW, signature_file: Path = SIGNATURE) -> None:
        self._conductor = conductor
        self._key_file = key_file
        self._seal = seal
        self._shadow = shadow
        self._signature_file = signature_file

    def carry_out(self, host_uuid: str) -> str | None:
        """Send the entry while it differs from what this host was configured with; the reason when that fails."""
        try:
            if not self._key_file.exists():
                return None
            entry, configured = shadow_entry(_lines(self._shadow)), "".join(_lines(self._signature_file)).strip()
            if entry is None or signature(entry.password_hash) == configured:
                return None
            sealed = self._seal(_document(configured, entry), user_purpose(host_uuid))
            self._conductor.user_changed(host_uuid=host_uuid, sealed=sealed)
        except VersionMismatch as error:
            # An older conductor; the newer one is told at a later audit.
            LOG.info("%s", error)
        except (FlockError, OSError) as error:
            LOG.warning("A changed password of the platform's user cannot be told yet: %s", error)
            return f"a changed password waits: {error}"
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _document(configured: str, entry: Entry) -> str:
    return json.dumps({"configured": configured, "hash": entry.password_hash, "max_days": entry.max_days,
                       "last_change": entry.last_change})
