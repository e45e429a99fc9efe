# SPDX-License-Identifier: Apache-2.0
"""Compares the interface versions of a daemon with those that the running servers report.

Different minor versions are compatible: each side ignores unknown fields and uses defaults for missing ones. Only
different major versions are a mismatch.
"""
from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterable, Mapping
from typing import Any

from flock.core.errors import Unavailable
from flock.rpc.bus import Transport
from flock.rpc.errors import VersionMismatch
from flock.rpc.interface import interface_spec
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import fingerprint

DESCRIBE_NAMESPACE = "flock.describe"
DESCRIBE_VERSION = "1.0"


def requested(version: str) -> str:
    """The version that a client requests: ``<major>.0``, because every minor version of it accepts the messages.

    If the server lacks the method, oslo.messaging replies NoSuchMethod and the client raises VersionMismatch.
    """
    return f"{_pair(version)[0]}.0"


def description(interfaces: Iterable[type], server_name: str) -> dict[str, Any]:
    """``{"server": name, "interfaces": {namespace: {"version": "1.0", "fingerprint": hex}}}``."""
    return {
        "server": server_name,
        "interfaces": {spec.namespace: {"version": spec.version, "fingerprint": fingerprint(interface)}
                       for interface in interfaces for spec in (interface_spec(interface),)},
    }


def compare(interface: type, served: Mapping[str, Any], server_name: str) -> str | None:
    """None when both sides have the same version, a sentence when the versions differ but are compatible.

    VersionMismatch when the major versions differ or the interface is not served.
    """
    spec = interface_spec(interface)
    theirs = served.get(spec.namespace)
    if theirs is None:
        raise VersionMismatch(detail=f"{server_name} does not serve {spec.namespace} on {spec.topic}")
    version = str(theirs.get("version"))
    if _pair(version)[0] != _pair(spec.version)[0]:
        raise VersionMismatch(detail=f"{server_name} serves {spec.namespace} {version}, {spec.version} is needed")
    if version != spec.version:
        return f"{server_name} serves {spec.namespace} {version} beside our {spec.version}"
    if theirs.get("fingerprint") != fingerprint(interface):
        return f"{server_name} serves {spec.namespace} {version} with other signatures or records than ours"
    return None


def describe(transport: Transport, topic: str, deadline_s: float, server: str | None = None) -> dict[str, Any]:
    """The description of a server on ``topic`` (see ``description``); Unavailable when none replies."""
    deadline = time.monotonic() + deadline_s
    transport.wait_for_replies(deadline_s)
    left_s = max(0.001, deadline - time.monotonic())
    target = oslo_messaging.Target(exchange=transport.requests_exchange, topic=topic, server=server,
                                   namespace=DESCRIBE_NAMESPACE, version=DESCRIBE_VERSION)
    client = oslo_messaging.get_rpc_client(transport.messaging, target, timeout=left_s, retry=max(0, int(left_s) - 1))
    future = transport.calls.submit(client.call, {}, "describe")
    try:
        reply = future.result(left_s)
    except (oslo_messaging.MessagingException, concurrent.futures.TimeoutError, OSError) as exc:
        raise Unavailable(service=topic, reason=f"no reply: {type(exc).__name__}") from None
    return reply if isinstance(reply, dict) else {}


def _pair(version: str) -> tuple[int, int]:
    try:
        major, minor = version.split(".")
        return int(major), int(minor)
    except ValueError:
        raise VersionMismatch(detail=f"{version!r} is not a version (major.minor)") from None
