# SPDX-License-Identifier: Apache-2.0
"""Records and requests for mtce, and mtce's replies as errors for the operator."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flock.auth.secrets import KeyFileUnsafe, SecretBox, SecretUnreadable
from mtce.contract.bmcsecret import sealed_for, sent_for
from mtce.contract.records import ActionReply, MtceHost
from sysinv.contract.enums import NetworkType
from sysinv.contract.errors import ActionRejected, AddRejected

LOG = logging.getLogger(__name__)
PASS = "pass"  # noqa: S105 - a status, not a password


def mtce_host(row: Mapping[str, Any], addresses: Mapping[str, str]) -> MtceHost | None:
    """Return the part of a host's record that mtce needs; None while the host has no personality or address."""
    mgmt_ip = addresses.get(NetworkType.MGMT)
    if not row["hostname"] or not row["personality"] or mgmt_ip is None:
        return None
    return MtceHost(
        uuid=row["uuid"], hostname=row["hostname"], personality=row["personality"],
        subfunctions=row["subfunctions"] or "", mgmt_mac=row["mgmt_mac"], mgmt_ip=mgmt_ip,
        cluster_host_ip=addresses.get(NetworkType.CLUSTER_HOST), administrative=row["administrative"],
        operational=row["operational"], availability=row["availability"], bm_type=row["bm_type"] or "none",
        bm_ip=row["bm_ip"], bm_username=row["bm_username"], bm_secret=row["bm_secret"],
        state_sequence=row["mtce_sequence"], revision=row["maintenance_revision"])


def freshly_sealed(host: MtceHost, key_file: Path) -> MtceHost:
    """Return the record with its stored BMC password sealed anew for this message.

    Without the password when it cannot be opened: maintenance must not end because one BMC cannot be reached.
    """
    if host.bm_secret is None or not host.bm_ip or not host.bm_username:
        return replace(host, bm_secret=None)
    who = (host.uuid, host.bm_ip, host.bm_username)
    try:
        box = SecretBox(key_file)
        return replace(host, bm_secret=box.seal(box.unseal(host.bm_secret, sealed_for(*who)), sent_for(*who)))
    except (KeyFileUnsafe, SecretUnreadable) as error:
        LOG.error("mtce gets no BMC password of host %s: %s", host.hostname, error)  # noqa: TRY400
        return replace(host, bm_secret=None)


def check_action(reply: ActionReply) -> None:
    """Raise ActionRejected unless mtce accepted the action."""
    if reply.status != PASS:
        raise ActionRejected(reason=reply.reason.rstrip(".") or "no reason given",
                             action=reply.action.rstrip(".") or "retry")


def check_add(reply: ActionReply) -> None:
    """Raise AddRejected unless mtce accepted the host."""
    if reply.status != PASS:
        raise AddRejected(status=reply.status, reason=reply.reason, action=reply.action)
