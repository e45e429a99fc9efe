# SPDX-License-Identifier: Apache-2.0
"""What is known of a host's life, way by way: heard, silent, or unknown. No evidence is not evidence of death.

A host speaks on four ways: it answers heartbeat pulses on the management and on the cluster-host network, and its
agent says mtcAlive over the message bus and over the cluster-host network.
"""
from __future__ import annotations

import enum

from mtce.core.settings import Settings
from mtce.core.view import Level, MaintainedHost, Network


class Sign(enum.StrEnum):
    """What one way says of the host."""

    HEARD = "heard"
    SILENT = "silent"
    UNKNOWN = "unknown"


class Way(enum.StrEnum):
    """The ways on which a host can be heard, in the words of the task that an operator reads."""

    MGMT_PULSES = "management"
    CLUSTER_PULSES = "cluster-host"
    CLUSTER_ALIVE = "cluster-host mtcAlive"
    BUS_ALIVE = "message bus"


def signs(view: MaintainedHost, now_ms: int, settings: Settings) -> dict[Way, Sign]:
    """The sign on every way that the host has."""
    found = {Way.MGMT_PULSES: pulses(view, Network.MGMT)}
    if Network.CLUSTER_HOST in view.networks():
        found[Way.CLUSTER_PULSES] = pulses(view, Network.CLUSTER_HOST)
        found[Way.CLUSTER_ALIVE] = _alive(view, view.cluster_alive_ms, found[Way.CLUSTER_PULSES], now_ms, settings)
    bus = Sign.SILENT if view.bus_ok and view.bus_open_ms is not None else Sign.UNKNOWN
    return {**found, Way.BUS_ALIVE: _alive(view, view.bus_alive_ms, bus, now_ms, settings, view.bus_open_ms or 0)}


def heard_on(view: MaintainedHost, now_ms: int, settings: Settings) -> tuple[Way, ...]:
    """The ways on which the host is heard now."""
    return tuple(way for way, sign in signs(view, now_ms, settings).items() if sign is Sign.HEARD)


def since(view: MaintainedHost, way: Way) -> int | None:
    """When the last evidence of that way came: the present heartbeat level, or the last mtcAlive; None for never."""
    return {Way.MGMT_PULSES: view.mgmt_ms, Way.CLUSTER_PULSES: view.cluster_host_ms,
            Way.CLUSTER_ALIVE: view.cluster_alive_ms, Way.BUS_ALIVE: view.bus_alive_ms}[way]


def pulses(view: MaintainedHost, network: Network) -> Sign:
    """How the host answers pulses on ``network``; unknown while nobody asks it or nobody reports."""
    level = view.level(network)
    if not view.monitored or not view.pulses_ok:
        return Sign.UNKNOWN
    # Minor and degrade are a few misses in a row: no sign of life, and not yet silence.
    return {Level.OK: Sign.HEARD, Level.LOSS: Sign.SILENT}.get(level, Sign.UNKNOWN)


def _alive(view: MaintainedHost, last_ms: int | None, carrier: Sign, now_ms: int, settings: Settings,
           open_ms: int = 0) -> Sign:
    """Heard lately, or silent: asked for, long enough, on a way that is open.

    ``carrier`` is silent when the way is open and carries nothing of this host; ``open_ms`` is since when it is open.
    """
    asked_ms = view.asked_ms
    if asked_ms is not None and (last_ms is None or last_ms < asked_ms):
        waited_ms = now_ms - max(asked_ms, open_ms)
        if waited_ms >= settings.loc_recovery_timeout_ms:
            return Sign.SILENT if carrier is Sign.SILENT else Sign.UNKNOWN
    recent = last_ms is not None and now_ms - last_ms < settings.offline_silence_ms
    return Sign.HEARD if recent else Sign.UNKNOWN
