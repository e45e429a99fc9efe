# SPDX-License-Identifier: Apache-2.0
"""Compares the interface versions of a daemon with those that the running servers report.

Different minor versions are compatible: each side ignores unknown fields and uses defaults for missing ones. Only
different major versions are a mismatch.
"""
from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from flock.core.backoff import Backoff
from flock.core.errors import Unavailable
from flock.jobs.worker import Worker
from flock.rpc.bus import Transport
from flock.rpc.errors import VersionMismatch
from flock.rpc.interface import interface_spec
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import fingerprint

LOG = logging.getLogger(__name__)
DESCRIBE_NAMESPACE = "flock.describe"
DESCRIBE_VERSION = "1.0"
DESCRIBE_DEADLINE_S = 5.0


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


def check_versions(transport: Transport, interfaces: Iterable[type], deadline_s: float = 5.0) -> list[str]:
    """Compare ``interfaces`` with the servers now listening on their topics; returns and logs the warnings.

    A server that does not run is only a warning, because daemons may start in any order. Raises VersionMismatch when
    a server has another major version.
    """
    warnings: list[str] = []
    by_topic: dict[str, list[type]] = {}
    for interface in interfaces:
        by_topic.setdefault(interface_spec(interface).topic, []).append(interface)
    for topic, members in by_topic.items():
        try:
            reply = describe(transport, topic, deadline_s)
        except Unavailable as exc:
            warnings.append(f"{topic} could not be asked for its versions: {exc}")
            continue
        for interface in members:
            warning = compare(interface, reply.get("interfaces", {}), str(reply.get("server")))
            if warning is not None:
                warnings.append(warning)
    for warning in warnings:
        LOG.warning("%s", warning)
    return warnings


class VersionWatch:
    """Compares a daemon's interfaces with their servers in the background, from its start until all are compatible.

    ``trouble`` is a check for ``flock.core.health.Health``. Asks a server that does not reply again every
    ``interval_s``, and also one that is incompatible, because it may be upgraded.
    """

    def __init__(self, transport: Transport, interfaces: Iterable[type], interval_s: float = 10.0) -> None:
        self._transport = transport
        self._waiting = list(interfaces)
        self._interval_s = interval_s
        self._trouble: str | None = None
        self._worker = Worker("rpc-versions", self._check, Backoff(interval_s, interval_s))

    def start(self) -> None:
        """Begin to compare; returns at once."""
        self._worker.start()

    def stop(self) -> None:
        """Stop comparing. Does not wait for a request already sent."""
        self._worker.leave()

    def is_asking(self) -> bool:
        """Whether some interface is not yet known to be compatible."""
        return self._worker.is_alive()

    def trouble(self) -> str | None:
        """The last mismatch, None when there is none."""
        return self._trouble

    def _check(self) -> float | None:
        self._waiting = [interface for interface in self._waiting if not self._fits(interface)]
        return self._interval_s if self._waiting else None

    def _fits(self, interface: type) -> bool:
        spec = interface_spec(interface)
        try:
            reply = describe(self._transport, spec.topic, DESCRIBE_DEADLINE_S)
            warning = compare(interface, reply.get("interfaces", {}), str(reply.get("server")))
        except VersionMismatch as mismatch:
            if self._trouble != str(mismatch):
                LOG.error("%s. Bring both sides to the same release.", mismatch)
            self._trouble = str(mismatch)
            return False
        except Unavailable:
            return False
        self._trouble = None
        if warning is not None:
            LOG.warning("%s", warning)
        return True


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
