# SPDX-License-Identifier: Apache-2.0
"""Asks the mirror's daemon of this node; waits until what was written is stored on the other controllers as well."""
from __future__ import annotations

import os
from pathlib import Path

import yaml

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput, Refused, Unavailable
from sm.client.talk import answered
from sm.contract.mirror import ANSWER_MAX_BYTES, SOCKET, MirrorReply, MirrorRequest, MirrorStatus, MirrorVerb

ANSWER_S = 10.0
MARGIN_S = 5.0
SITE = Path("/etc/flock/sm/site.yaml")
SITE_MAX_BYTES = 256 * 1024
SIMPLEX = "simplex"


def wait_stored(path: str = "", timeout_s: float = 10.0, *, control: str = SOCKET, site: Path = SITE) -> str:
    """Return when everything that was written to the platform directory before this call, or the file ``path`` of it,
    is on the disks of this node and of all nodes that must have it. Returns a sentence about what was waited for.

    A system without a second controller (no ``site``, or one of mode ``simplex``) has no daemon and only its own disk,
    to which the file, or everything, is written. Call it before you acknowledge what must survive a
    failover. Refused: the file is not mirrored, this node is not active, or not all have it in time. Unavailable: no
    daemon answers.
    """
    try:
        return ask(MirrorRequest(MirrorVerb.WAIT, path, timeout_s), control, timeout_s + MARGIN_S).text
    except Unavailable:
        if not alone(site):
            raise
    _sync(path)
    return "There is no other controller; it is stored here."


def status(control: str = SOCKET) -> MirrorStatus:
    """What the daemon of this node knows. Unavailable: no daemon answers."""
    found = ask(MirrorRequest(MirrorVerb.STATUS), control).status
    if found is None:
        raise Unavailable(service="sm-mirror", reason="the answer has no status")
    return found


def alone(site: Path = SITE) -> bool:
    """Whether the system has one controller only. Unavailable: its site file cannot be read, so nobody knows."""
    try:
        with site.open("rb") as stream:
            document = yaml.safe_load(stream.read(SITE_MAX_BYTES))
    except FileNotFoundError:
        return True
    except (OSError, yaml.YAMLError) as error:
        raise Unavailable(service="sm-mirror", reason=f"{site} cannot be read: {error}") from error
    return isinstance(document, dict) and document.get("mode") == SIMPLEX


def ask(request: MirrorRequest, control: str = SOCKET, limit_s: float = ANSWER_S) -> MirrorReply:
    """Send a request and return the answer. Refused: the daemon gives the reason; Unavailable: it does not answer
    within the limit."""
    line = codec_for(MirrorRequest).encode(request, "request") + b"\n"
    try:
        data = answered(control, line, limit_s, ANSWER_MAX_BYTES)
        reply: MirrorReply = codec_for(MirrorReply).decode(data, "answer")
    except (OSError, InvalidInput) as error:
        raise Unavailable(service="sm-mirror", reason=f"{control}: {error}") from error
    if reply.refused:
        raise Refused(detail=reply.refused)
    return reply


def _sync(path: str) -> None:
    if not path:
        os.sync()
        return
    try:
        for each, flags in ((path, os.O_RDONLY), (os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)):
            descriptor = os.open(each, flags | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise Unavailable(service="sm-mirror", reason=f"{path} cannot be written to the disk: {error}") from error


