# SPDX-License-Identifier: Apache-2.0
"""Tables of sysinv that describe the system, its hosts and what the hosts have."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.db import Json, UtcTime, columns, metadata, revision_column
from flock.jobs import operations_table

METADATA = metadata()


def _text(name: str, length: int = 255, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), **options)


def _host_id(name: str = "forihostid") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), nullable=False, index=True)


def _node_id() -> sa.Column[int]:
    return sa.Column("forinodeid", sa.Integer, sa.ForeignKey("i_node.id", ondelete="CASCADE"), nullable=True)


I_SYSTEM = sa.Table(
    "i_system", METADATA, *columns(), revision_column(),
    _text("name", nullable=False), _text("system_type", nullable=True), _text("system_mode", nullable=True),
    _text("description"), _text("contact"), _text("location"), _text("latitude", 30), _text("longitude", 30),
    _text("timezone", nullable=False, default="UTC"), _text("region_name", nullable=False, default="RegionOne"),
    _text("service_project_name", nullable=False, default="services"), _text("distributed_cloud_role"),
    _text("security_profile"), _text("security_feature"), _text("software_version", nullable=False),
    sa.Column("services", sa.Integer), sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.UniqueConstraint("name"))

I_HOST = sa.Table(
    "i_host", METADATA, *columns(), revision_column(),
    _text("recordtype", 16, nullable=False, default="standard"),
    _text("hostname"), _text("personality", 32), _text("subfunctions"),
    _text("subfunction_oper", 16, nullable=False), _text("subfunction_avail", 16, nullable=False),
    _text("administrative", 16, nullable=False), _text("operational", 16, nullable=False),
    _text("availability", 16, nullable=False), _text("invprovision", 32), _text("inv_state", 32),
    _text("action_state", 32), _text("action", 32, nullable=False, default="none"), _text("ihost_action"),
    sa.Column("ihost_action_at", UtcTime), sa.Column("action_resent", sa.Boolean, nullable=False, default=False),
    _text("task", 64), _text("mtce_info"), _text("vim_progress_status"),
    _text("install_state", 32), _text("install_state_info"), sa.Column("install_state_at", UtcTime),
    _text("install_token_hash", 64), sa.Column("install_token_expires_at", UtcTime),
    _text("mgmt_mac", 17, nullable=False),
    _text("bm_type", 16), _text("bm_ip", 45), _text("bm_username", 16), _text("bm_mac", 17),
    sa.Column("bm_secret", sa.Text),
    _text("boot_device", nullable=False, default="/dev/sda"),
    _text("rootfs_device", nullable=False, default="/dev/sda"),
    _text("hw_settle", 4, nullable=False, default="0"), _text("install_output", 16, nullable=False, default="text"),
    _text("console", nullable=False, default="ttyS0,115200"), _text("tboot", 8, nullable=False, default=""),
    sa.Column("ttys_dcd", sa.Boolean), _text("vsc_controllers"),
    _text("clock_synchronization", 8, nullable=False, default="ntp"),
    _text("apparmor", 16, nullable=False, default="disabled"), _text("apparmor_config_status", 16),
    _text("serialid"), sa.Column("location", Json, nullable=False, default=dict),
    sa.Column("uptime", sa.Integer, nullable=False, default=0),
    sa.Column("reserved", sa.Boolean, nullable=False, default=False),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    _text("config_status"), _text("config_applied", 36), _text("config_target", 36),
    _text("max_cpu_mhz_configured", 32), _text("min_cpu_mhz_allowed", 32), _text("max_cpu_mhz_allowed", 32),
    _text("cstates_available"), _text("iscsi_initiator_name"), _text("nvme_host_id"), _text("nvme_host_nqn"),
    _text("device_image_update", 32), sa.Column("reboot_needed", sa.Boolean, nullable=False, default=False),
    _text("sw_version", 32, nullable=False), _text("kernel_running", 32), _text("kernel_config_status", 32),
    _text("boot_id", 64),
    sa.Column("mtce_sequence", sa.BigInteger, nullable=False, default=0), _text("mtce_action", 32),
    # Counts the changes of what host maintenance is told of the host.
    sa.Column("maintenance_revision", sa.Integer, nullable=False, default=1, server_default="1"),
    # What is shown as ``task`` from the wish for an action until host maintenance has a word on it.
    _text("action_text", 64), _text("last_error"), sa.Column("last_error_at", UtcTime),
    sa.Column("peer_id", sa.Integer),
    sa.Column("forisystemid", sa.Integer, sa.ForeignKey("i_system.id", ondelete="CASCADE"), nullable=False),
    sa.UniqueConstraint("hostname"), sa.UniqueConstraint("mgmt_mac"))

I_NODE = sa.Table(
    "i_node", METADATA, *columns(), sa.Column("numa_node", sa.Integer, nullable=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), _host_id(),
    sa.UniqueConstraint("numa_node", "forihostid"))

I_ICPU = sa.Table(
    "i_icpu", METADATA, *columns(), sa.Column("cpu", sa.Integer, nullable=False),
    sa.Column("core", sa.Integer, nullable=False), sa.Column("thread", sa.Integer, nullable=False),
    sa.Column("socket", sa.Integer, nullable=False, default=0),
    _text("cpu_family"), _text("cpu_model"), _text("allocated_function", 32, nullable=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), _host_id(), _node_id(),
    sa.UniqueConstraint("cpu", "forihostid"))

MEMORY_COUNTS = (
    "memtotal_mib", "memavail_mib", "platform_reserved_mib", "node_memtotal_mib", "vswitch_hugepages_size_mib",
    "vswitch_hugepages_nr", "vswitch_hugepages_avail", "vm_hugepages_nr_2M", "vm_hugepages_avail_2M",
    "vm_hugepages_nr_1G", "vm_hugepages_avail_1G", "vm_hugepages_nr_4K", "vm_hugepages_possible_2M",
    "vm_hugepages_possible_1G", "minimum_platform_reserved_mib")
MEMORY_PENDING = ("vswitch_hugepages_reqd", "vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending",
                  "vm_hugepages_2M_percentage", "vm_hugepages_1G_percentage")

I_IMEMORY = sa.Table(
    "i_imemory", METADATA, *columns(), revision_column(),
    *(sa.Column(name, sa.Integer, nullable=False, default=0) for name in MEMORY_COUNTS),
    *(sa.Column(name, sa.Integer, nullable=True) for name in MEMORY_PENDING),
    sa.Column("hugepages_configured", sa.Boolean, nullable=False, default=False),
    sa.Column("vm_hugepages_use_1G", sa.Boolean, nullable=False, default=False),
    sa.Column("vm_pending_as_percentage", sa.Boolean, nullable=False, default=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), _host_id(), _node_id(),
    sa.UniqueConstraint("forihostid", "forinodeid"))


def _pci_columns() -> list[sa.Column[Any]]:
    return [
        _text("name"), _text("pciaddr", 64, nullable=False), _text("pclass"), _text("pvendor"), _text("pdevice"),
        _text("psvendor"), _text("psdevice"), sa.Column("numa_node", sa.Integer, nullable=False, default=-1),
        sa.Column("sriov_totalvfs", sa.Integer), sa.Column("sriov_numvfs", sa.Integer),
        sa.Column("sriov_vfs_pci_address", sa.Text, nullable=False, default=""), _text("sriov_vf_driver"),
        _text("sriov_vf_pdevice_id", 8), _text("driver"),
    ]


PORTS = sa.Table(
    "ports", METADATA, *columns(), _text("type", 16, nullable=False, default="ethernet"), *_pci_columns(),
    _text("namedisplay"), sa.Column("dev_id", sa.Integer, nullable=False, default=0),
    sa.Column("dpdksupport", sa.Boolean, nullable=False, default=False),
    sa.Column("numchannels", sa.Integer), sa.Column("maxchannels", sa.Integer),
    sa.Column("sriov_vf_numchannels", sa.Integer), sa.Column("sriov_vf_maxchannels", sa.Integer),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    _text("mac", 17, nullable=False), sa.Column("mtu", sa.Integer), sa.Column("speed", sa.Integer),
    _text("link_mode"), _text("duplex", 16), _text("autoneg", 16), _text("bootp", 8), _text("bootif", 64),
    sa.Column("interface_id", sa.Integer),
    sa.Column("node_id", sa.Integer, sa.ForeignKey("i_node.id", ondelete="SET NULL")), _host_id("host_id"),
    sa.UniqueConstraint("pciaddr", "dev_id", "host_id"))

I_IDISK = sa.Table(
    "i_idisk", METADATA, *columns(), _text("device_node", nullable=False), sa.Column("device_num", sa.Integer),
    _text("device_type", 16), _text("device_id"), _text("device_path"), _text("device_wwn"),
    sa.Column("size_mib", sa.Integer, nullable=False, default=0),
    sa.Column("available_mib", sa.Integer, nullable=False, default=0), _text("rpm", 32), _text("serial_id"),
    sa.Column("capabilities", Json, nullable=False, default=dict), sa.Column("foristorid", sa.Integer),
    sa.Column("foripvid", sa.Integer), _host_id(), sa.UniqueConstraint("device_path", "forihostid"))

PCI_DEVICES = sa.Table(
    "pci_devices", METADATA, *columns(), revision_column(), _text("type", 16, nullable=False, default="pci"),
    *_pci_columns(), _text("pclass_id", 6), _text("pvendor_id", 4), _text("pdevice_id", 4),
    _text("extra_info", 1024), sa.Column("enabled", sa.Boolean, nullable=False, default=False), _host_id("host_id"),
    sa.UniqueConstraint("pciaddr", "host_id"))

ADDRESS_POOLS = sa.Table(
    "address_pools", METADATA, *columns(), revision_column(), _text("name", 128, nullable=False),
    _text("network", 45, nullable=False), sa.Column("prefix", sa.Integer, nullable=False),
    sa.Column("family", sa.Integer, nullable=False), _text("order", 16, nullable=False, default="random"),
    _text("floating_address", 45), _text("controller0_address", 45), _text("controller1_address", 45),
    _text("gateway_address", 45), sa.UniqueConstraint("name"))

ADDRESS_POOL_RANGES = sa.Table(
    "address_pool_ranges", METADATA, *columns(), _text("start", 45, nullable=False), _text("end", 45, nullable=False),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="CASCADE"), nullable=False))

NETWORKS = sa.Table(
    "networks", METADATA, *columns(), _text("type", 32, nullable=False), _text("name", 128, nullable=False),
    sa.Column("dynamic", sa.Boolean, nullable=False, default=True),
    _text("primary_pool_family", 8, nullable=False, default="IPv4"),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="RESTRICT")),
    sa.UniqueConstraint("name"), sa.UniqueConstraint("type"))

NETWORK_ADDRESSPOOLS = sa.Table(
    "network_addresspools", METADATA, *columns(),
    sa.Column("network_id", sa.Integer, sa.ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="CASCADE"), nullable=False),
    sa.UniqueConstraint("network_id", "address_pool_id"))

# ``name`` is how an address is found; ``forihostid`` ties a worker's address to its host.
ADDRESSES = sa.Table(
    "addresses", METADATA, *columns(), _text("name", 300), _text("address", 45, nullable=False),
    sa.Column("prefix", sa.Integer, nullable=False), sa.Column("enable_dad", sa.Boolean, nullable=False, default=False),
    sa.Column("interface_id", sa.Integer),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="RESTRICT")),
    sa.Column("forihostid", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), index=True),
    sa.UniqueConstraint("name"), sa.UniqueConstraint("address", "address_pool_id"))

# A lease that outlives its deleted host says nothing about a new one until it is renewed.
DHCP_FORGOTTEN = sa.Table(
    "dhcp_forgotten", METADATA, sa.Column("mac", sa.String(17), primary_key=True),
    sa.Column("expires_s", sa.BigInteger, nullable=False))

OPERATIONS = operations_table(METADATA, "operations")

# Who kept the number of a deleted host or address must not reach another one by it. PostgreSQL never gives a number
# twice, SQLite only when it is told so.
for _table in METADATA.tables.values():
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True
