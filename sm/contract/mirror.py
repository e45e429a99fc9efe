# SPDX-License-Identifier: Apache-2.0
"""What programs of this node ask the daemon of the mirrored directory, and the answers: one JSON object per line."""
from __future__ import annotations

import enum
from dataclasses import dataclass

SOCKET = "/run/sm/mirror"
PORT = 2224
"""TCP, on the management network: where the mirrors of the controllers meet."""
ACTIVE_MARK = "mirror.active"
"""File beside the socket: the term in which this node was made active, while it is."""
REQUEST_MAX_BYTES = 8 * 1024
ANSWER_MAX_BYTES = 1024 * 1024
WAIT_MAX_S = 600
PROBLEMS_MAX = 50


class MirrorRole(enum.StrEnum):
    """What this node does with the directory."""

    ACTIVE = "active"
    STANDBY = "standby"


class MirrorVerb(enum.StrEnum):
    """What is asked for; the fields of the request that count are in brackets."""

    STATUS = "status"
    WATCH = "watch"
    """One answer with the status at once, and one at each change and each second. REQUIRE may follow on the same
    connection; for anything else the connection ends."""
    REQUIRE = "require"
    """[nodes, order] Only after WATCH; it has no answer but ``enforced`` in the next status."""
    WAIT = "wait"
    """[path, timeout_s]"""
    PROMOTE = "promote"
    DEMOTE = "demote"


@dataclass(frozen=True, slots=True)
class MirrorRequest:
    """``path``: a file of the directory that the caller has written; empty: everything."""

    verb: MirrorVerb
    path: str = ""
    timeout_s: float = 0
    nodes: tuple[str, ...] = ()
    order: int = -1


@dataclass(frozen=True, slots=True)
class PeerLine:
    """Another node. ``generation``: ``term.number`` of what it has stored. ``age_s``: since when it lacks something, or
    0. ``reason``: why it is not in sync."""

    name: str
    connected: bool = False
    in_sync: bool = False
    generation: str = ""
    behind_files: int = 0
    behind_bytes: int = 0
    age_s: float = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """``at_ms``: the monotonic clock when this was true. ``required``: the nodes that must
    have stored a write before it is acknowledged. ``enforced``: the greatest order of this connection that holds; see
    ``sm.daemon.guard.Part``. ``problems``: sentences. ``left_out``: what cannot be mirrored, with the reason. ``lost``:
    places with changes that were never acknowledged and gave way to others."""

    node: str
    role: MirrorRole
    directory: str
    term: int
    number: int
    digest: str
    at_ms: int
    files: int = 0
    size: int = 0
    syncing: bool = False
    outdated: bool = False
    peers: tuple[PeerLine, ...] = ()
    required: tuple[str, ...] = ()
    enforced: int = -1
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MirrorReply:
    """``refused``: why it was not done; empty when it was."""

    refused: str = ""
    text: str = ""
    status: MirrorStatus | None = None
