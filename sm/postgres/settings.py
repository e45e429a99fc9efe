# SPDX-License-Identifier: Apache-2.0
"""The file /etc/sm/postgres.conf (YAML): where the cluster of this node is, and where those of the others are."""
from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sm.catalogue.reader import Reader

FILE = Path("/etc/sm/postgres.conf")
PEERS_MAX = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,50}\Z")
_PATH = re.compile(r"(/[A-Za-z0-9._:@-]+)+\Z")
_PATHS = ("data", "configuration", "binaries", "socket", "certificate", "key", "authorities", "required", "store")


@dataclass(frozen=True, slots=True)
class Settings:
    """One cluster. ``node``: the name of this node; empty: that of the host. ``peers``: the other nodes and their
    addresses, whose server certificates have these names.

    ``configuration``: the directory with postgresql.conf, pg_hba.conf, pg_ident.conf and conf.d. ``listen``: addresses
    besides 127.0.0.1. ``ports``: by node, where it is not ``port``. ``unit``: the unit of systemd that runs the server;
    empty: pg_ctl starts it. ``certificate``, ``key`` and ``authorities``: who this node is for the others.
    ``required``: the guard's file. ``store``: that of sm-daemon. ``wal_kept``: how much WAL is kept at most for a peer
    that is away.
    """

    node: str = ""
    peers: Mapping[str, str] = field(default_factory=dict)
    data: str = "/var/lib/postgresql/15/main"
    configuration: str = "/etc/postgresql/15/main"
    binaries: str = "/usr/lib/postgresql/15/bin"
    socket: str = "/var/run/postgresql"
    port: int = 5432
    ports: Mapping[str, int] = field(default_factory=dict)
    listen: tuple[str, ...] = ()
    user: str = "postgres"
    unit: str = "postgresql@15-main.service"
    certificate: str = "/etc/flock/tls/host.crt"
    key: str = "/etc/flock/tls/host.key"
    authorities: str = "/etc/flock/tls/ca.crt"
    required: str = "/var/lib/flock/sm/required.json"
    store: str = "/var/lib/flock/sm/sm.db"
    wal_kept: str = "2GB"

    @property
    def name(self) -> str:
        """The name of this node."""
        return self.node or socket.gethostname().partition(".")[0]

    @property
    def data_directory(self) -> Path:
        """Where the data is."""
        return Path(self.data)

    def beside(self, suffix: str) -> Path:
        """A path beside the data directory, on the same file system: ``suffix`` is ``new``, ``old.1`` or a mark."""
        return Path(f"{self.data}.{suffix}")

    def program(self, name: str) -> str:
        """The full path of one of PostgreSQL's programs."""
        return f"{self.binaries}/{name}"

    def peer_port(self, name: str) -> int:
        """The port of a peer."""
        return self.ports.get(name, self.port)


def read(path: Path = FILE) -> Settings:
    """The settings; the defaults where there is no file. CatalogueRefused lists every broken rule."""
    reader = Reader()
    return reader.settings(Settings, reader.document(path) if path.exists() else {}, path.name, _broken)


def _broken(found: Settings) -> list[tuple[str, str]]:
    wrong = [(name, "must be an absolute path of letters, digits and ._:@/-") for name in _PATHS
             if not _PATH.match(getattr(found, name))]
    wrong += [("node" if name == found.name else f"peers.{name}", "must be a host name")
              for name in (found.name, *found.peers) if not _NAME.match(name)]
    if found.name in found.peers or len(found.peers) > PEERS_MAX:
        wrong.append(("peers", f"must be at most {PEERS_MAX} nodes, and not this one"))
    for place, address in [*((f"peers.{name}", text) for name, text in found.peers.items()),
                           *(("listen", text) for text in found.listen)]:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            wrong.append((place, "must be an IP address"))
    wrong += [(place, "must be a port, 1 to 65535") for place, port in
              (("port", found.port), *((f"ports.{name}", number) for name, number in found.ports.items()))
              if not 1 <= port <= 65_535]
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", found.user):
        wrong.append(("user", "must be the name of an account"))
    if not re.fullmatch(r"[1-9][0-9]{0,5}(MB|GB)", found.wal_kept):
        wrong.append(("wal_kept", "must be a size such as 512MB or 2GB"))
    return wrong
