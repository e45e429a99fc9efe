# SPDX-License-Identifier: Apache-2.0
"""Tells the conductor of one lease, in the background of ``sysinv-dnsmasq-lease-update``, within a bounded time.

A failure loses nothing: the conductor also reads dnsmasq's lease file.
"""
from __future__ import annotations

import os
import sys
import time

from flock import conf as flock_conf
from flock import rpc
from flock.core.errors import FlockError
from sysinv.cmd.lease_update import PROG
from sysinv.contract.rpc import Discovery

DEADLINE_S = 30.0
CALL_S = 5.0
PAUSE_S = 1.0


def main() -> int:
    """``MAC IP``, and dnsmasq's environment; exit status 0 notified, 1 not notified."""
    mac, ip_address = sys.argv[1:3]
    conf = flock_conf.setup(PROG, "sysinv", [])
    transport = rpc.transport(conf)
    discovery = rpc.client(Discovery, transport, deadline_s=CALL_S)
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            discovery.handle_dhcp_lease(
                tags=os.environ.get("DNSMASQ_TAGS", "").split(), mac=mac, ip_address=ip_address,
                client_id=os.environ.get("DNSMASQ_CLIENT_ID"), expires_s=_expiry())
            return 0
        except FlockError as error:
            if error.http < 500 or time.monotonic() + PAUSE_S > end:
                print(f"{PROG}: {mac}: {error}", file=sys.stderr)
                return 1
        time.sleep(PAUSE_S)


def _expiry() -> int:
    text = os.environ.get("DNSMASQ_LEASE_EXPIRES", "")
    return int(text) if text.isdigit() else 0


if __name__ == "__main__":
    sys.exit(main())
