# SPDX-License-Identifier: Apache-2.0
"""The files that a second controller gets when it is installed; from then on it has copies of those that change."""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from flock.conf import shared
from flock.core.errors import Refused
from flock.db import Database
from sysinv.contract.enums import Personality
from sysinv.contract.errors import ControllerFileMissing, ControllerNotExpected
from sysinv.contract.records import SharedFile
from sysinv.db.lookup import host_row
from sysinv.hosts import expected

LOG = logging.getLogger(__name__)
MANAGEMENT_KEY = Path("/etc/flock/sm.key")
"""Signs the messages between the controllers; each keeps it by itself."""
SOURCES = (shared.SECRETS, shared.BOARDS, shared.SECRETS_KEY, shared.ANSWERS, shared.AUTHORITY, shared.IDENTITY_KEYS,
           shared.BUS_DEFINITIONS, MANAGEMENT_KEY)
FILE_MAX_BYTES = 1024 * 1024


class ControllerFilesEndpoint:
    """Implements ``ControllerFiles``; ``refresh`` writes the file of the boards."""

    def __init__(self, db: Database, own_hostname: str, refresh: Callable[[], None], root: Path = Path("/"),
                 is_expected: Callable[[str], bool] = expected.is_expected) -> None:
        self._db, self._own_hostname, self._refresh, self._root = db, own_hostname, refresh, root
        self._is_expected = is_expected

    def shared_files(self, *, host_uuid: str) -> list[SharedFile]:
        """The files, private to root: the new controller gives them to its services. See the interface for errors."""
        with self._db.reader() as conn:
            row = host_row(conn, host_uuid)
        if (row["personality"] != Personality.CONTROLLER or row["hostname"] in (None, "", self._own_hostname)
                or row["administrative"] != "locked"):
            raise Refused(detail="Only a locked controller that is being installed gets the files of a controller.")
        if not self._is_expected(row["mgmt_mac"]):
            refused = ControllerNotExpected(hostname=row["hostname"], mac=row["mgmt_mac"])
            LOG.warning("%s", refused)
            raise refused
        self._refresh()
        found = []
        for source in SOURCES:
            place = self._root / source.relative_to("/")
            files = list(_files(place))
            if not files:
                raise ControllerFileMissing(reason=f"{source} is missing")
            found += [self._read(path) for path in files]
        return found

    def _read(self, path: Path) -> SharedFile:
        try:
            if path.stat().st_size > FILE_MAX_BYTES:
                raise ControllerFileMissing(reason=f"{path} is too large")
            text = path.read_text()
        except (OSError, ValueError) as error:
            raise ControllerFileMissing(reason=f"{path} cannot be read: {error}") from error
        return SharedFile(str(Path("/") / path.relative_to(self._root)), 0o600, text)


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    elif place.is_file():
        yield place
