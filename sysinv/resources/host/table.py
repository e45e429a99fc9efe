# SPDX-License-Identifier: Apache-2.0
"""``i_host``, and the leases of deleted hosts."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, UtcTime, columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.model.hostname import RESERVED

_RESERVED = ", ".join(f"'{name}'" for name in RESERVED)

I_HOST = sa.Table(
    "i_host", METADATA, *columns(), revision_column(),
    text("recordtype", 16, nullable=False, default="standard"),
    text("hostname"), text("personality", 32), text("subfunctions"),
    text("subfunction_oper", 16, nullable=False), text("subfunction_avail", 16, nullable=False),
    text("administrative", 16, nullable=False), text("operational", 16, nullable=False),
    text("availability", 16, nullable=False), text("invprovision", 32), text("inv_state", 32),
    text("action_state", 32), text("action", 32, nullable=False, default="none"), text("ihost_action"),
    sa.Column("ihost_action_at", UtcTime), sa.Column("action_resent", sa.Boolean, nullable=False, default=False),
    text("task", 64), text("mtce_info"), text("vim_progress_status"),
    text("install_state", 32), text("install_state_info"), sa.Column("install_state_at", UtcTime),
    text("install_token_hash", 64), sa.Column("install_token_expires_at", UtcTime),
    # The machine that used the token first; from then on the token is of no use to others.
    text("install_token_key", 64), text("install_token_address", 45),
    text("mgmt_mac", 17, nullable=False),
    text("bm_type", 16), text("bm_ip", 45), text("bm_username", 16), text("bm_mac", 17),
    sa.Column("bm_secret", sa.Text),
    text("boot_device", nullable=False, default="/dev/sda"),
    text("rootfs_device", nullable=False, default="/dev/sda"),
    text("hw_settle", 4, nullable=False, default="0"), text("install_output", 16, nullable=False, default="text"),
    text("console", nullable=False, default="ttyS0,115200"), text("tboot", 8, nullable=False, default=""),
    sa.Column("ttys_dcd", sa.Boolean), text("vsc_controllers"),
    text("clock_synchronization", 8, nullable=False, default="ntp"),
    text("apparmor", 16, nullable=False, default="disabled"), text("apparmor_config_status", 16),
    text("serialid"), sa.Column("location", Json, nullable=False, default=dict),
    sa.Column("uptime", sa.Integer, nullable=False, default=0),
    sa.Column("reserved", sa.Boolean, nullable=False, default=False),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    text("config_status"), text("config_applied", 36), text("config_target", 36),
    text("max_cpu_mhz_configured", 32), text("min_cpu_mhz_allowed", 32), text("max_cpu_mhz_allowed", 32),
    text("cstates_available"), text("iscsi_initiator_name"), text("nvme_host_id"), text("nvme_host_nqn"),
    text("device_image_update", 32), sa.Column("reboot_needed", sa.Boolean, nullable=False, default=False),
    text("sw_version", 32, nullable=False), text("kernel_running", 32), text("kernel_config_status", 32),
    text("boot_id", 64),
    sa.Column("mtce_sequence", sa.BigInteger, nullable=False, default=0), text("mtce_action", 32),
    # Revision of the part of the record that mtce receives.
    sa.Column("maintenance_revision", sa.Integer, nullable=False, default=1, server_default="1"),
    # Shown as ``task`` from the request of an action until mtce reports on it.
    text("action_text", 64), text("last_error"), sa.Column("last_error_at", UtcTime),
    sa.Column("peer_id", sa.Integer),
    sa.Column("forisystemid", sa.Integer, sa.ForeignKey("i_system.id", ondelete="CASCADE"), nullable=False),
    sa.UniqueConstraint("hostname"), sa.UniqueConstraint("mgmt_mac"),
    # Addresses are found by hostname, so such a host would hold the addresses of the system.
    sa.CheckConstraint(f"lower(hostname) NOT IN ({_RESERVED})", name="reserved_name"),
    sa.CheckConstraint("personality = 'controller' OR lower(hostname) NOT LIKE 'controller-%'",
                       name="controller_name"))

# Leases that deleted hosts held. They make no new host; any other lease of the same machine does.
DHCP_FORGOTTEN = sa.Table(
    "dhcp_forgotten", METADATA, sa.Column("mac", sa.String(17), primary_key=True),
    sa.Column("expires_s", sa.BigInteger, primary_key=True, autoincrement=False))

# Machines of deleted hosts: one that still sends on our networks raises an alarm, and late alarms of the host end.
DEPARTED_HOSTS = sa.Table(
    "departed_hosts", METADATA, text("mgmt_mac", 17, primary_key=True), text("hostname", nullable=False),
    sa.Column("macs", Json, nullable=False, default=list), sa.Column("deleted_at", UtcTime, nullable=False, index=True))

# Certificate and bus account of a host's agents. What was asked for after it was last given waits for the agent.
HOST_CREDENTIALS = sa.Table(
    "host_credentials", METADATA,
    sa.Column("host_id", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("certificate_end", UtcTime), sa.Column("certificate_at", UtcTime),
    sa.Column("certificate_wanted_at", UtcTime),
    sa.Column("password_at", UtcTime), sa.Column("password_wanted_at", UtcTime),
    # What the host confirmed that it trusts (``tls.trust_word``).
    text("authorities", 64))
