# SPDX-License-Identifier: Apache-2.0
"""What the mirror needs to know of its node: from the settings and the store of service management."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import InvalidInput
from sm.catalogue.rows import Configured
from sm.contract.mirror import PORT
from sm.daemon import settings
from sm.daemon.links import links_of
from sm.store.store import Store

PATH = "mgmt"
AUDIT_S = 600.0


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """``addresses``: of the other nodes, by name. ``control``: the socket of sm-daemon. ``required``: the guard's file.
    ``group``: whose members may wait and ask for the status, besides root."""

    me: str
    directory: Path
    tls: Path
    address: str
    addresses: dict[str, str]
    port: int
    runtime: Path
    required: Path
    state: Path
    group: str
    audit_s: float


def mirror_settings(config: Path, tls: Path, directory: Path, state: Path, *, port: int = PORT,
                    audit_s: float = AUDIT_S) -> MirrorSettings:
    """The settings of this node. InvalidInput: the store does not exist yet, or has no path to another node; else the
    errors of settings and store."""
    chosen = settings.read(config)
    path = Path(chosen.store)
    if not path.exists():
        raise InvalidInput(field="store", rule=f"{path} must exist; sm-daemon makes it when it starts")
    store = Store.open(path, _none)
    try:
        links = {link.name: link for link in links_of(chosen, store.configured())}
    finally:
        store.close()
    link = links.get(PATH)
    if link is None:
        raise InvalidInput(field="management-interface", rule="must have an address of this node and one of the other")
    return MirrorSettings(chosen.name, directory, tls, link.address,
                          {peer.name: peer.address for peer in link.peers if not peer.witness}, port,
                          Path(chosen.runtime), Path(chosen.required), state, chosen.group,
                          audit_s)


def _none() -> Configured:
    raise InvalidInput(field="store", rule="must have been filled by sm-daemon")
