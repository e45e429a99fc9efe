# SPDX-License-Identifier: Apache-2.0
"""``SoftwareVersions``: what software management says that the system and its hosts run."""
from __future__ import annotations

import logging
import re

from sqlalchemy.engine import Connection

from flock.core.errors import InvalidInput
from flock.db import Database
from flock.db.writes import compare_and_set
from sysinv.contract.errors import HostNotFound
from sysinv.db.lookup import host_row, system_row
from sysinv.resources.host import store as hosts
from sysinv.resources.system.table import I_SYSTEM

LOG = logging.getLogger(__name__)
HOSTS_MAX = 1000
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}\Z", re.ASCII)


class SoftwareVersionsEndpoint:
    """Implements ``SoftwareVersions``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_versions(self, *, system: str, hosts: dict[str, str]) -> None:
        """Store what differs. InvalidInput: a version is none, or there are too many hosts."""
        if len(hosts) > HOSTS_MAX:
            raise InvalidInput(field="hosts", rule=f"must be at most {HOSTS_MAX}")
        for name, version in (("system", system), *hosts.items()):
            if not _VERSION.match(version):
                raise InvalidInput(field=name[:255], rule=f"must be a version such as 10.0, not {version!r:.40}")
        self._db.transact(lambda conn: _store(conn, system, hosts))


def _store(conn: Connection, system: str, versions: dict[str, str]) -> None:
    row = system_row(conn)
    if row["software_version"] != system:
        LOG.info("the system runs %s", system)
        compare_and_set(conn, I_SYSTEM, row["id"], row["revision"], {"software_version": system})
    for hostname, version in sorted(versions.items()):
        try:
            found = host_row(conn, hostname, lock=True)
        except HostNotFound:
            # The host was deleted, and software management has not heard of it yet.
            continue
        if found["sw_version"] != version:
            LOG.info("%s runs %s", hostname, version)
            hosts.write(conn, found, {"sw_version": version})
