# SPDX-License-Identifier: Apache-2.0
"""fm-snmp-agent: the alarm and event tables of SNMP, served through snmpd."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.snmp.daemon import SnmpAgentDaemon


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("fm-snmp-agent", SnmpAgentDaemon))
