# SPDX-License-Identifier: Apache-2.0
"""Makes the outputs that send SNMP notifications, one per destination. Imports pysnmp only if there is one."""
from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flock.db import utcnow
from fm.conf.snmp import destinations, engine_id
from fm.snmp.boots import count_start

LOG = logging.getLogger(__name__)
PREFIX = "snmp-"
BOOTS_FILE = "fm/snmp-engine-boots"


def snmp_sinks(conf: Any, region_name: str, system_name: str) -> dict[str, Callable[[dict[str, Any]], None]]:
    """The sinks by output name; empty when ``[fm_snmp] destinations`` is empty. BadOption names an invalid option."""
    wanted = destinations(conf)
    if not wanted:
        return {}
    identity = engine_id(conf, region_name, system_name)
    boots = count_start(Path(conf.state_dir) / BOOTS_FILE, utcnow())
    LOG.info("SNMP notifications go to %s; engine id 0x%s, start %d", ", ".join(item.name for item in wanted),
             identity.hex(), boots)
    notifier = importlib.import_module("fm.snmp.notifier").Notifier
    started_s = time.monotonic()
    return {f"{PREFIX}{item.name}": notifier(item, engine_id=identity, boots=boots, started_s=started_s,
                                             region_name=region_name, system_name=system_name) for item in wanted}
