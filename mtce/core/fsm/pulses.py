# SPDX-License-Identifier: Apache-2.0
"""Heartbeat of a host: start and end of monitoring, fatal networks, alarms and degrade causes."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.fsm.draft import Draft
from mtce.core.settings import HeartbeatAction
from mtce.core.view import Level, Network

ALARMS = {Network.MGMT: ("200.005", ".network=Management"),
          Network.CLUSTER_HOST: ("200.009", ".network=Cluster-host")}
_IN_SERVICE = frozenset({HostAction.NONE, HostAction.SWACT, HostAction.FORCE_SWACT})
_CAUSES = frozenset(f"heartbeat:{network}" for network in Network)


def fatal_networks(d: Draft) -> tuple[Network, ...]:
    """Return the networks whose loss takes the host out of service; other losses only degrade it or raise an alarm."""
    if d.settings.heartbeat_failure_action is not HeartbeatAction.FAIL or d.view.is_active:
        return ()
    degrade_only = d.settings.cluster_host_degrade_only or (d.view.is_controller and not d.view.is_aio)
    return tuple(network for network in d.view.networks() if network is Network.MGMT or not degrade_only)


def lost_networks(d: Draft) -> tuple[Network, ...]:
    """Return the fatal networks on which the heartbeat is lost now."""
    return tuple(network for network in fatal_networks(d) if d.view.level(network) is Level.LOSS)


def follow(d: Draft) -> None:
    """Update heartbeat alarms and degrade causes from the present levels of a monitored host."""
    policy = d.settings.heartbeat_failure_action
    for network in d.view.networks():
        alarm_id, suffix = ALARMS[network]
        level = d.view.level(network)
        if level is Level.OK:
            d.clear_alarms(alarm_id, suffix=suffix)
            d.degrade(f"heartbeat:{network}", False)
        elif level in (Level.DEGRADE, Level.LOSS) and policy is not HeartbeatAction.NONE:
            d.raise_alarm(alarm_id, "critical" if level is Level.LOSS else "major", suffix)
            if policy is not HeartbeatAction.ALARM:
                d.degrade(f"heartbeat:{network}", True)


def start(d: Draft) -> None:
    """Start monitoring in a new epoch; discards earlier levels."""
    _forget(d)
    d.set(monitored=True, epoch=max(d.view.epoch + 1, d.now_ms))


def watch(d: Draft) -> None:
    """Monitor the host to get evidence; keeps the levels of a host that is already monitored."""
    if not d.view.monitored:
        start(d)


def stop(d: Draft) -> None:
    """Stop monitoring; heartbeat alarms remain until the host is heard again or locked."""
    _forget(d)
    d.set(monitored=False)


def follow_role(d: Draft) -> None:
    """Monitor what has become a standby controller, and no longer what has become the active one.

    The conductor runs on the active controller, whose own pulses do not come back to it. Its view of both controllers
    may have been stored by the conductor of the other one.
    """
    if d.view.is_active:
        if d.view.monitored:
            stop(d)
        for alarm_id, suffix in ALARMS.values():
            d.clear_alarms(alarm_id, suffix=suffix)
        d.follow_degrade()
    elif d.view.is_enabled and d.view.action in _IN_SERVICE:
        watch(d)


def _forget(d: Draft) -> None:
    d.set(mgmt=Level.UNKNOWN, cluster_host=Level.UNKNOWN, mgmt_ms=d.now_ms, cluster_host_ms=d.now_ms,
          degrade=tuple(cause for cause in d.view.degrade if cause not in _CAUSES))
