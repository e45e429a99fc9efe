# SPDX-License-Identifier: Apache-2.0
"""Rules of labels: the syntax of Kubernetes, values that the platform reads, and labels that need a locked host."""
from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from flock.core.errors import InvalidInput
from flock.wire.errors import shown
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost

PREFIX_MAX, NAME_MAX, VALUE_MAX = 253, 63, 63
KEY_MAX = PREFIX_MAX + 1 + NAME_MAX
LABELS_MAX = 256
POWER_MANAGEMENT = "power-management"
STALLD = "starlingx.io/stalld"
LOCKED_KEYS = frozenset({
    "openstack-control-plane", "openstack-compute-node", "disable-nohz-full", "openvswitch", "remote-storage",
    "sriovdp", "sriovdp-isrdma", "sriovdp-vhostnet", "kube-topology-mgr-policy", "kube-cpu-mgr-policy",
    "kube-memory-mgr-policy"})
VALUES: Mapping[str, tuple[str, ...]] = {
    "kube-topology-mgr-policy": ("none", "best-effort", "restricted", "single-numa-node"),
    "kube-cpu-mgr-policy": ("static",),
    "kube-memory-mgr-policy": ("none", "static"),
    POWER_MANAGEMENT: ("enabled",),
    "lvm-csi": ("enabled",),
    STALLD: ("enabled", "disabled"),
    "starlingx.io/stalld_cpu_functions": ("all", "application", "application-isolated"),
}
# Kubernetes has both spellings of these policies.
ANY_CASE = frozenset({"kube-cpu-mgr-policy", "kube-memory-mgr-policy"})
NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
PREFIX = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_NAME, _PREFIX = re.compile(NAME), re.compile(PREFIX)
_NAME_RULE = "letters, digits, '-', '_' and '.', with a letter or digit at both ends"


def check_body(body: Any) -> dict[str, str]:
    """Return the labels of a request; InvalidInput when it has none, or one that is no label of Kubernetes."""
    if not isinstance(body, dict) or not body:
        raise InvalidInput(field="labels", rule="an object with at least one key and its value")
    if len(body) > LABELS_MAX:
        raise InvalidInput(field="labels", rule=f"at most {LABELS_MAX} labels")
    for key, value in body.items():
        _check_key(key)
        _check_value(key, value)
    return dict(body)


def check_assign(host: InventoryHost, labels: Mapping[str, str], known: Collection[str], *, overwrite: bool) -> None:
    """Raise HostMustBeLocked or HostRefused when the host may not have ``labels`` now; ``known`` are keys it has."""
    for key, value in labels.items():
        _check_meaning(key, value)
        if key == STALLD and not host.has_worker_function:
            raise HostRefused(detail=f"Label {key} needs a host with worker function.")
    for key in labels:
        check_locked(host, key)
    for key in labels:
        if key in known and not overwrite:
            raise HostRefused(detail=(
                f"Label {key} exists for host {host.name}. Use overwrite option to assign a new value."))
    if len(set(known) | labels.keys()) > LABELS_MAX:
        raise HostRefused(detail=f"Host {host.name} can have at most {LABELS_MAX} labels.")


def check_locked(host: InventoryHost, key: str) -> None:
    """Raise HostMustBeLocked when the label may only change on a locked host and this one is not."""
    if key in LOCKED_KEYS and not host.is_locked:
        raise HostMustBeLocked(detail=f"Host {host.name} must be locked before label {key} is changed.")


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > PREFIX_MAX or not _PREFIX.fullmatch(prefix)):
        raise InvalidInput(field=f"label key '{shown(key)}'", rule=(
            f"before '/' at most {PREFIX_MAX} characters: a DNS subdomain in lower case"))
    if len(name) > NAME_MAX or not _NAME.fullmatch(name):
        raise InvalidInput(field=f"label key '{shown(key)}'", rule=f"1 to {NAME_MAX} characters: {_NAME_RULE}")


def _check_value(key: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InvalidInput(field=f"value of label {key}", rule="must be a text, not null or another type")
    if len(value) > VALUE_MAX or value and not _NAME.fullmatch(value):
        raise InvalidInput(field=f"value of label {key}", rule=(
            f"empty, or at most {VALUE_MAX} characters: {_NAME_RULE}"))


def _check_meaning(key: str, value: str) -> None:
    accepted = VALUES.get(key)
    if accepted is not None and (value.lower() if key in ANY_CASE else value) not in accepted:
        raise HostRefused(detail=f"Invalid value '{value}' of label {key}. It must be one of: {', '.join(accepted)}.")
