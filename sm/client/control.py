# SPDX-License-Identifier: Apache-2.0
"""Asks the daemon of this node over its control socket."""
from __future__ import annotations

import secrets

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput, Refused, Unavailable
from flock.core.records import replace
from sm.client.talk import answered
from sm.contract.control import ANSWER_MAX_BYTES, SOCKET, Reply, Request, Verb

ANSWER_S = 10.0


class NotRunning(Unavailable):
    """Nobody listens: no daemon runs on this node. One that runs and does not answer is ``Unavailable``."""

    text = "sm-daemon does not run here ({reason}); see systemctl status flock-sm"


class NotPermitted(Unavailable):
    """The daemon's socket is not for the account of this process."""

    text = "only root and the group that the settings of sm-daemon name may use {reason}"


def ask(request: Request, path: str = SOCKET, limit_s: float = ANSWER_S) -> Reply:
    """Send the request, with an id of its own, and return the answer.

    Refused: the daemon gives the reason. NotRunning: there is no daemon. Unavailable: none answers within ``limit_s``.
    """
    request = replace(request, id=secrets.token_hex(8))
    line = codec_for(Request).encode(request, "request") + b"\n"
    try:
        data = answered(path, line, limit_s, ANSWER_MAX_BYTES)
        reply: Reply = codec_for(Reply).decode(data, "answer")
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunning(service="sm", reason=f"{path}: {error.strerror}") from error
    except PermissionError as error:
        raise NotPermitted(service="sm", reason=path) from error
    except (OSError, InvalidInput) as error:
        raise Unavailable(service="sm", reason=f"{path}: {error}") from error
    if reply.refused:
        raise Refused(detail=reply.refused)
    if reply.id != request.id:
        raise Unavailable(service="sm", reason=f"{path}: the answer is for another request")
    return reply


def configuration_changed(version: int, path: str = SOCKET) -> str:
    """Tell the daemon that the configuration has this version now; what it makes of it, in a sentence. NotRunning."""
    try:
        return ask(Request("", Verb.CONFIGURATION, version=version), path).text
    except Unavailable:
        raise
    except FlockError as error:
        raise Refused(detail=f"version {version} is not applied: {error}") from error
