# SPDX-License-Identifier: Apache-2.0
"""Evidence that a host is alive, on each channel: heard, silent, or unknown. Unknown never means silent.

There are four channels: the host answers heartbeat pulses on the management and on the cluster-host network, and its
agent sends mtcAlives over the message bus and over the cluster-host network.
"""
from __future__ import annotations

import enum

from mtce.core.settings import Settings
from mtce.core.view import Level, MaintainedHost, Network


class Sign(enum.StrEnum):
    """Evidence of one channel."""

    HEARD = "heard"
    SILENT = "silent"
    UNKNOWN = "unknown"


class Channel(enum.StrEnum):
    """The channels on which a host can be heard; the values appear in the task text that the operator reads."""

    MGMT_PULSES = "management"
    CLUSTER_PULSES = "cluster-host"
    CLUSTER_ALIVE = "cluster-host mtcAlive"
    BUS_ALIVE = "message bus"


_OF_NETWORK = {Network.MGMT: (Channel.MGMT_PULSES,),
               Network.CLUSTER_HOST: (Channel.CLUSTER_PULSES, Channel.CLUSTER_ALIVE)}


def conclusive(view: MaintainedHost, now_ms: int, settings: Settings) -> dict[Channel, Sign]:
    """Return the signs that must agree before a host counts as silent.

    Leaves out the channels of a network on which no pulse has left for ``unobserved_ms``, as long as pulses on the
    host's other network prove silence: a broken link of the controller does not end recovery for good.
    """
    found = signs(view, now_ms, settings)
    if Sign.SILENT not in (found.get(Channel.MGMT_PULSES), found.get(Channel.CLUSTER_PULSES)):
        return found
    left_out = {channel for network, channels in _OF_NETWORK.items()
                if found.get(channels[0]) is Sign.UNKNOWN and _is_unobserved(view, network, now_ms, settings)
                for channel in channels if found.get(channel) is Sign.UNKNOWN}
    return {channel: sign for channel, sign in found.items() if channel not in left_out}


def _is_unobserved(view: MaintainedHost, network: Network, now_ms: int, settings: Settings) -> bool:
    since_ms = view.mgmt_ms if network is Network.MGMT else view.cluster_host_ms
    return (view.level(network) is Level.UNKNOWN and since_ms is not None
            and now_ms - since_ms >= settings.unobserved_ms)


def signs(view: MaintainedHost, now_ms: int, settings: Settings) -> dict[Channel, Sign]:
    """Return the sign of every channel that the host has."""
    found = {Channel.MGMT_PULSES: pulses(view, Network.MGMT)}
    if Network.CLUSTER_HOST in view.networks():
        found[Channel.CLUSTER_PULSES] = pulses(view, Network.CLUSTER_HOST)
        found[Channel.CLUSTER_ALIVE] = _alive(view, view.cluster_alive_ms, found[Channel.CLUSTER_PULSES], now_ms,
                                              settings)
    bus = Sign.SILENT if view.bus_ok and view.bus_open_ms is not None else Sign.UNKNOWN
    return {**found, Channel.BUS_ALIVE: _alive(view, view.bus_alive_ms, bus, now_ms, settings, view.bus_open_ms or 0)}


def heard_on(view: MaintainedHost, now_ms: int, settings: Settings) -> tuple[Channel, ...]:
    """Return the channels on which the host is heard now."""
    return tuple(channel for channel, sign in signs(view, now_ms, settings).items() if sign is Sign.HEARD)


def since(view: MaintainedHost, channel: Channel) -> int | None:
    """Return the time of a channel's last evidence: the present level's start, or the last mtcAlive; None for never."""
    return {Channel.MGMT_PULSES: view.mgmt_ms, Channel.CLUSTER_PULSES: view.cluster_host_ms,
            Channel.CLUSTER_ALIVE: view.cluster_alive_ms, Channel.BUS_ALIVE: view.bus_alive_ms}[channel]


def pulses(view: MaintainedHost, network: Network) -> Sign:
    """Return the sign of pulses on ``network``; unknown unless the host is monitored and mtce-heartbeat reports."""
    level = view.level(network)
    if not view.monitored or not view.pulses_ok:
        return Sign.UNKNOWN
    # Minor and degrade are a few misses in a row: no sign of life, and not yet silence.
    return {Level.OK: Sign.HEARD, Level.LOSS: Sign.SILENT}.get(level, Sign.UNKNOWN)


def _alive(view: MaintainedHost, last_ms: int | None, carrier: Sign, now_ms: int, settings: Settings,
           open_ms: int = 0) -> Sign:
    """Return heard after a recent mtcAlive; silent after requests for long enough on an open channel; else unknown.

    ``carrier`` is silent when the channel is open and nothing of this host arrives; it has been open since ``open_ms``.
    """
    asked_ms = view.asked_ms
    if asked_ms is not None and (last_ms is None or last_ms < asked_ms):
        waited_ms = now_ms - max(asked_ms, open_ms)
        if waited_ms >= settings.loc_recovery_timeout_ms:
            return Sign.SILENT if carrier is Sign.SILENT else Sign.UNKNOWN
    recent = last_ms is not None and now_ms - last_ms < settings.offline_silence_ms
    return Sign.HEARD if recent else Sign.UNKNOWN
