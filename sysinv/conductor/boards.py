# SPDX-License-Identifier: Apache-2.0
"""The boards of the controllers, for service management, which knows no database: each can switch the other one off."""
from __future__ import annotations

import logging
from pathlib import Path

import yaml

from flock.auth.secrets import KeyFileUnsafe, SecretBox, SecretUnreadable
from flock.conf import shared
from flock.db import Database
from flock.exec.atomic import replace_text
from mtce.contract.bmcsecret import sealed_for
from sysinv.contract.enums import Personality
from sysinv.hosts.sharedfiles import Stored, stored
from sysinv.resources.host import store as hosts

LOG = logging.getLogger(__name__)


class Boards:
    """Keeps the file of the boards current; ``write`` runs periodically and before a controller is installed."""

    def __init__(self, db: Database, key_file: Path, path: Path = shared.BOARDS, wait: Stored = stored) -> None:
        self._db, self._key_file, self._path, self._wait = db, key_file, path, wait

    def write(self) -> None:
        """Write the boards of all controllers. One whose password cannot be opened is left out, and logged.
        Unavailable: not both controllers have the file in time."""
        with self._db.reader() as conn:
            rows = [row for row in hosts.all_rows(conn) if row["personality"] == Personality.CONTROLLER
                    and row["hostname"] and row["bm_ip"] and row["bm_type"] not in (None, "none")]
        found = {}
        for row in rows:
            try:
                password = self._password(row["uuid"], row["bm_ip"], row["bm_username"] or "", row["bm_secret"])
            except (KeyFileUnsafe, SecretUnreadable) as error:
                LOG.error("the board of %s cannot be used for fencing: %s", row["hostname"], error)  # noqa: TRY400
                continue
            found[row["hostname"]] = {"type": row["bm_type"], "address": row["bm_ip"],
                                      "username": row["bm_username"] or "", "password": password}
        if replace_text(self._path, yaml.safe_dump(found), 0o600):
            LOG.info("the boards of %s are known to service management", ", ".join(found) or "no controller")
        self._wait(self._path)

    def _password(self, uuid: str, address: str, username: str, secret: str | None) -> str:
        if secret is None:
            return ""
        return SecretBox(self._key_file).unseal(secret, sealed_for(uuid, address, username))
