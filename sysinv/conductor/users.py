# SPDX-License-Identifier: Apache-2.0
"""Takes up the password of the platform's user when somebody changes it on a controller."""
from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import ClassVar

from sqlalchemy.engine import Connection

from flock.auth.secrets import KeyFileUnsafe, SecretBox, SecretUnreadable
from flock.core.errors import Refused
from flock.db import Database
from sysinv.contract.enums import Personality
from sysinv.db.lookup import host_row
from sysinv.model.hostfiles import user_purpose
from sysinv.resources.user.rules import DAYS_MAX, Entry
from sysinv.resources.user.service import take_up

LOG = logging.getLogger(__name__)
# A recorded message is worth nothing later.
AGE_MAX_S = 300


class PasswordRefused(Refused):
    """A host may not change the user's password, or nobody can read what it sent."""

    code: ClassVar[str] = "sysinv.user.report_refused"


def user_changed(db: Database, key_file: Path, host_uuid: str, sealed: str) -> bool:
    """Store the password if it counts, and order it on all hosts; HostNotFound, PasswordRefused."""
    try:
        text = SecretBox(key_file).unseal(sealed, user_purpose(host_uuid), age_max_s=AGE_MAX_S)
        found = json.loads(text)
        configured, entry = str(found["configured"]), Entry(
            str(found["hash"]), _days(found.get("max_days")), _days(found.get("last_change")))
    except (SecretUnreadable, KeyFileUnsafe, ValueError, KeyError, TypeError, AttributeError) as error:
        LOG.warning("host %s: a password cannot be read: %s", host_uuid, type(error).__name__)
        raise PasswordRefused(detail="The sealed password cannot be opened.") from None

    def work(conn: Connection) -> bool:
        host = host_row(conn, host_uuid, lock=True)
        if host["personality"] != Personality.CONTROLLER:
            raise PasswordRefused(detail="Only controllers may change the password of the platform's user.")
        return take_up(conn, configured, entry)

    counts = db.transact(work)
    if counts:
        LOG.warning("host %s: the password of the platform's user was changed there; all hosts get it", host_uuid)
    return counts


def _days(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= DAYS_MAX else None
