# SPDX-License-Identifier: Apache-2.0
"""The daemon's own messaging on simulated networks: real datagrams with digests, replay windows, proofs of life, pieces
of snapshots, and keys that rotate."""
from functools import partial

from sm.core.rotation import Key, Ring
from sm.daemon.messaging import Messaging
from sm.transport.exchange import CHORES_S, Exchange
from sm.transport.keyring import EVERYBODY, SECRET_BYTES, Keyring, witness_secret
from sm.transport.settings import WITNESS_PORT, PathLink, Peer

GROUPS = {"mgmt": "239.1.1.1", "cluster-host": "239.1.1.2"}
WITNESS = "witness"


def address(path, node):
    """The address of a voter on a path."""
    number = 100 if node == WITNESS else 2 + int(node.rpartition("-")[2])
    return f"10.{sum(map(ord, path)) % 250}.0.{number}"


def links(voters, me, paths):
    """The paths of one voter."""
    def peer(path, name):
        return Peer(name, address(path, name), *((WITNESS_PORT, True) if name == WITNESS else ()))

    own = WITNESS_PORT if me == WITNESS else 2222
    return tuple(PathLink(path, path, address(path, me), tuple(peer(path, name) for name in voters if name != me),
                          group=None if me == WITNESS else GROUPS.get(path), port=own) for path in paths)


class Disk:
    """The key file of one voter. ``full``: whether nothing can be stored now."""

    def __init__(self, ring, witness, full):
        self.ring, self.witness, self.full, self.changes = ring, witness, full, 0

    def load(self):
        return self.ring, self.witness

    def stamp(self):
        return (self.changes, 0)

    def change(self, to):
        ring = to(self.ring)
        if ring != self.ring:
            if self.full():
                raise OSError("the disk is full")
            self.ring, self.changes = ring, self.changes + 1
        return self.ring


def disk(voter, full):
    """The first key, as the installation has left it."""
    secret = bytes(SECRET_BYTES)
    if voter == WITNESS:
        return Disk(Ring((Key(1, "00" * 8, witness_secret(secret, WITNESS)),), "00" * 8), WITNESS, full)
    return Disk(Ring((Key(1, "00" * 8, secret),), "00" * 8), "", full)


class Sockets:
    """Sends on the network of a path."""

    error, is_current, dropped = "", True, 0

    def __init__(self, host, link):
        self.host, self.link = host, link

    def send(self, data, to, port):
        host, path = self.host, self.link.name
        source = (self.link.address, self.link.port)
        if to == self.link.group:
            for name in host.others:
                if name != WITNESS:
                    host.paths[path].send(host.name, name, (path, EVERYBODY, data, source))
        else:
            name = next(name for name in host.others if address(path, name) == to)
            host.paths[path].send(host.name, name, (path, name, data, source))
        return True


def messaging(host, boot, keys, on_beat, on_path=None):
    """The messaging of one start of a voter, with its chores."""
    witnesses = {WITNESS} & set(host.config.voters) - {host.name}
    found = Messaging(host.name, boot, links(host.config.voters, host.name, sorted(host.paths)),
                      Keyring(keys, host.name, witnesses), host.local_ms, on_beat, on_path,
                      exchange=partial(Exchange, sockets=partial(Sockets, host)))
    boots = host.boots

    def chores():
        if host.boots == boots:
            found.exchange.chores()
            host.timer(CHORES_S * 1_000, chores)

    chores()
    return found
