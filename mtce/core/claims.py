# SPDX-License-Identifier: Apache-2.0
"""Which hosts may be silent only because somebody else claims an address that their answers depend on. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtce.contract.records import AddressClaim
from mtce.core.events import Claimed
from mtce.core.view import MaintainedHost, Network


def concerned(reporter: MaintainedHost, claims: Iterable[AddressClaim], hosts: Iterable[MaintainedHost]
              ) -> Iterator[tuple[str, Claimed]]:
    """Yield ``(uuid, event)`` for each host that a claim concerns; claims on other networks concern none.

    A controller's word counts for the host whose address is claimed, or, when it is another one (the controllers'), for
    every host on that network. Any other host's word counts for itself alone, so that it can protect no other host.
    """
    known = list(hosts)
    for claim in claims:
        if claim.network not in set(Network):
            continue
        event = Claimed(claim.address, claim.mac, Network(claim.network))
        owners = [host for host in known if claim.address in (host.mgmt_ip, host.cluster_host_ip)]
        # Without the controllers' addresses nobody is heard, so these concern all.
        single = [host for host in owners if not host.is_controller]
        for host in (single or known) if reporter.is_controller else [reporter]:
            if event.network in host.networks():
                yield host.uuid, event
