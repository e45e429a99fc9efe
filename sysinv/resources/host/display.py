# SPDX-License-Identifier: Apache-2.0
"""Selection of a host's fields for ``host-show``."""
from __future__ import annotations

from collections.abc import Sequence

from flock.cli.columns import Column, Row, columns

SHOWN = columns(
    "id", "uuid", "hostname", "personality", "administrative", "operational", "availability", "invprovision",
    "inv_state", "action", "task", "mtce_action", "last_error", "last_error_at", "vim_progress_status",
    "install_state", "install_state_info", "mgmt_mac", "mgmt_ip",
    "bm_type", "bm_ip", "bm_username", "boot_device", "rootfs_device", "hw_settle", "install_output", "console",
    "tboot", "ttys_dcd", "clock_synchronization", "apparmor", "serialid", "location", "uptime", "reserved",
    "capabilities", "config_applied", "config_target", "config_status", "max_cpu_mhz_configured",
    "max_cpu_mhz_allowed", "min_cpu_mhz_allowed", "cstates_available", "iscsi_initiator_name", "nvme_host_id",
    "nvme_host_nqn", "device_image_update", "reboot_needed", "sw_version", "created_at", "updated_at",
)
_SUBFUNCTIONS = columns("subfunctions")
_SUBFUNCTION_STATES = columns("subfunction_oper", "subfunction_avail")
_PEERS = columns("peers")
_VSC = columns("vsc_controllers")


def shown_fields(host: Row) -> Sequence[Column]:
    """Return the fields to show; omits subfunctions that equal the personality, and peers if the host has none."""
    extra: tuple[Column, ...] = ()
    if host.get("subfunctions") and host["subfunctions"] != host.get("personality"):
        extra += _SUBFUNCTIONS
        if host.get("personality") == "controller":
            extra += _SUBFUNCTION_STATES
    if host.get("peers"):
        extra += _PEERS
    if host.get("personality") == "worker" and host.get("vsc_controllers"):
        extra += _VSC
    return (*SHOWN, *extra)
