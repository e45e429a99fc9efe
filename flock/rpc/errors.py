# SPDX-License-Identifier: Apache-2.0
"""Errors of the bus itself."""
from __future__ import annotations

from flock.core.errors import FlockError, Forbidden, Unavailable


class VersionMismatch(FlockError):
    """Client and server have incompatible versions of an interface."""

    code, http, text = "flock.rpc.version_mismatch", 500, "{detail}"


class Undecodable(FlockError):
    """A peer's message cannot be decoded: the peer runs another release, or the message is damaged. No refusal."""

    code, http, text = "flock.rpc.undecodable", 502, "A message cannot be read: {field} {rule}"


class SenderRefused(Forbidden):
    """The sender's account may not send this request, or not about that host."""

    code, text = "flock.rpc.sender_refused", "{sender} may not send {request} {about}"


class HostUnknown(SenderRefused):
    """A host speaks of a uuid that the server does not know (yet): it has started before the server was told of it."""

    code, text = "flock.rpc.host_unknown", "{sender} may not send {request} {about}, whom nobody here knows"


class TooManyMessages(Unavailable):
    """A host sends more than its share; its sender repeats the request later."""

    code, text = "flock.rpc.too_many_messages", "{service} takes no more messages of {reason} at present"
