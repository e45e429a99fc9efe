# SPDX-License-Identifier: Apache-2.0
"""The dead letter file beside a queue: requests that cannot be decoded, that fm-manager refuses or that make it fail.

One JSON object in each line: ``time`` (ISO 8601 UTC), ``reason`` and ``record``, the request as it was spooled.
"""
from __future__ import annotations

import datetime
import json
import logging
import os
from pathlib import Path

from prometheus_client import Counter

from fm.raiser import queuefile

LOG = logging.getLogger(__name__)
NAME = "set-aside"
LIMIT_BYTES = 16 * 1024 * 1024
SET_ASIDE = Counter("fm_spool_set_aside", "Fault requests kept aside because they cannot be read or are refused")


def keep(directory: Path, record: str, reason: str, *, refused: bool = False) -> bool:
    """Append one record; it is on disk when this returns True.

    Returns False when the file is full or the disk fails; the caller must then leave the record in the queue, unless
    it was ``refused``: nothing waits for refused records, so they fill only half of the file.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    data = json.dumps({"time": now, "reason": reason, "record": record}).encode() + b"\n"
    path = directory / NAME
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(file).st_size
            if size + len(data) > (LIMIT_BYTES // 2 if refused else LIMIT_BYTES):
                LOG.error("%s is full: move it away, it takes no more fault requests", path)
                return False
            queuefile.write_all(file, data, size)
            os.fsync(file)
        finally:
            os.close(file)
        queuefile.sync_directory(directory)
    except OSError as error:
        LOG.error("a fault request cannot be kept aside in %s: %s", path, error)  # noqa: TRY400
        return False
    SET_ASIDE.inc()
    LOG.error("a fault request is kept aside in %s: %s: %.200s", path, reason, record)
    return True
