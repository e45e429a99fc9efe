# SPDX-License-Identifier: Apache-2.0
"""sysinv-dnsmasq-lease-update: dnsmasq runs it for each event.

It notifies the conductor of leases, within a bounded time. A failed notification loses nothing: the conductor also
reads dnsmasq's lease file.
"""
from __future__ import annotations

import os
import sys
import time

from flock import conf as flock_conf
from flock import rpc
from flock.core.errors import FlockError
from sysinv.contract.rpc import Discovery

PROG = "sysinv-dnsmasq-lease-update"
TOLD_ACTIONS = ("add", "old")
DEADLINE_S = 30.0
CALL_S = 5.0
PAUSE_S = 1.0


def main() -> int:
    """``add|old MAC IP [HOSTNAME]``; exit status 0 notified or nothing to do, 1 not notified, 2 without arguments.

    dnsmasq has other actions (``del``, ``tftp``, ``init``, ``arp-add`` ...) and may get more; they are nothing to do.
    """
    argv = sys.argv[1:]
    if argv and argv[0] not in TOLD_ACTIONS:
        return 0
    if len(argv) < 3:
        print(f"usage: {PROG} add|old MAC IP [HOSTNAME]; other actions are ignored", file=sys.stderr)
        return 2
    conf = flock_conf.setup(PROG, "sysinv", [])
    transport = rpc.transport(conf)
    discovery = rpc.client(Discovery, transport, deadline_s=CALL_S)
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            discovery.handle_dhcp_lease(
                tags=os.environ.get("DNSMASQ_TAGS", "").split(), mac=argv[1], ip_address=argv[2],
                client_id=os.environ.get("DNSMASQ_CLIENT_ID"), expires_s=_expiry())
            return 0
        except FlockError as error:
            if error.http < 500 or time.monotonic() + PAUSE_S > end:
                print(f"{PROG}: {argv[1]}: {error}", file=sys.stderr)
                return 1
        time.sleep(PAUSE_S)


def _expiry() -> int:
    text = os.environ.get("DNSMASQ_LEASE_EXPIRES", "")
    return int(text) if text.isdigit() else 0
