# SPDX-License-Identifier: Apache-2.0
"""The system, its hosts and their inventory, networks and addresses, operations."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _address_pools()
    _dhcp_forgotten()
    _i_system()
    _operations()
    _address_pool_ranges()
    _i_host()
    _networks()
    _addresses()
    _i_idisk()
    _i_node()
    _network_addresspools()
    _pci_devices()
    _i_icpu()
    _i_imemory()
    _ports()


def downgrade() -> None:
    for table in ("ports", "i_imemory", "i_icpu", "pci_devices", "network_addresspools", "i_node", "i_idisk",
                  "addresses", "networks", "i_host", "address_pool_ranges", "operations", "i_system",
                  "dhcp_forgotten", "address_pools"):
        op.drop_table(table)


def _address_pools() -> None:
    op.create_table(
        "address_pools", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("name", sa.String(128), nullable=False), sa.Column("network", sa.String(45), nullable=False),
        sa.Column("prefix", sa.Integer(), nullable=False), sa.Column("family", sa.Integer(), nullable=False),
        sa.Column("order", sa.String(16), nullable=False), sa.Column("floating_address", sa.String(45), nullable=True),
        sa.Column("controller0_address", sa.String(45), nullable=True),
        sa.Column("controller1_address", sa.String(45), nullable=True),
        sa.Column("gateway_address", sa.String(45), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_address_pools"),
        sa.UniqueConstraint("name", name="uniq_address_pools0name"),
        sa.UniqueConstraint("uuid", name="uniq_address_pools0uuid"))


def _dhcp_forgotten() -> None:
    op.create_table(
        "dhcp_forgotten", sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("expires_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mac", name="pk_dhcp_forgotten"))


def _i_system() -> None:
    op.create_table(
        "i_system", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("name", sa.String(255), nullable=False), sa.Column("system_type", sa.String(255), nullable=True),
        sa.Column("system_mode", sa.String(255), nullable=True),
        sa.Column("description", sa.String(255), nullable=True), sa.Column("contact", sa.String(255), nullable=True),
        sa.Column("location", sa.String(255), nullable=True), sa.Column("latitude", sa.String(30), nullable=True),
        sa.Column("longitude", sa.String(30), nullable=True), sa.Column("timezone", sa.String(255), nullable=False),
        sa.Column("region_name", sa.String(255), nullable=False),
        sa.Column("service_project_name", sa.String(255), nullable=False),
        sa.Column("distributed_cloud_role", sa.String(255), nullable=True),
        sa.Column("security_profile", sa.String(255), nullable=True),
        sa.Column("security_feature", sa.String(255), nullable=True),
        sa.Column("software_version", sa.String(255), nullable=False),
        sa.Column("services", sa.Integer(), nullable=True), sa.Column("capabilities", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_i_system"), sa.UniqueConstraint("name", name="uniq_i_system0name"),
        sa.UniqueConstraint("uuid", name="uniq_i_system0uuid"))


def _operations() -> None:
    op.create_table(
        "operations", sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False), sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("active_key", sa.String(255), nullable=True), sa.Column("params", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False), sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False), sa.Column("result", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True), sa.Column("undo_failed", sa.Boolean(), nullable=False),
        sa.Column("cancel_reason", sa.String(255), nullable=True),
        sa.Column("next_run_at", sa.DateTime(), nullable=False),
        sa.Column("step_deadline", sa.DateTime(), nullable=True), sa.Column("deadline", sa.DateTime(), nullable=True),
        sa.Column("owner", sa.String(64), nullable=True), sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False), sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.UniqueConstraint("active_key", name="uniq_operations0active_key"),
        sa.UniqueConstraint("uuid", name="uniq_operations0uuid"))
    op.create_index("ix_operations_state_next_run_at", "operations", ["state", "next_run_at"])
    op.create_index("ix_operations_subject", "operations", ["subject"])


def _address_pool_ranges() -> None:
    op.create_table(
        "address_pool_ranges", *_columns(), sa.Column("start", sa.String(45), nullable=False),
        sa.Column("end", sa.String(45), nullable=False), sa.Column("address_pool_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["address_pool_id"], ["address_pools.id"],
            name="fk_address_pool_ranges_address_pool_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_address_pool_ranges"),
        sa.UniqueConstraint("uuid", name="uniq_address_pool_ranges0uuid"))


def _i_host() -> None:
    op.create_table(
        "i_host", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("recordtype", sa.String(16), nullable=False), sa.Column("hostname", sa.String(255), nullable=True),
        sa.Column("personality", sa.String(32), nullable=True),
        sa.Column("subfunctions", sa.String(255), nullable=True),
        sa.Column("subfunction_oper", sa.String(16), nullable=False),
        sa.Column("subfunction_avail", sa.String(16), nullable=False),
        sa.Column("administrative", sa.String(16), nullable=False),
        sa.Column("operational", sa.String(16), nullable=False),
        sa.Column("availability", sa.String(16), nullable=False),
        sa.Column("invprovision", sa.String(32), nullable=True), sa.Column("inv_state", sa.String(32), nullable=True),
        sa.Column("action_state", sa.String(32), nullable=True), sa.Column("action", sa.String(32), nullable=False),
        sa.Column("ihost_action", sa.String(255), nullable=True),
        sa.Column("ihost_action_at", sa.DateTime(), nullable=True),
        sa.Column("action_resent", sa.Boolean(), nullable=False), sa.Column("task", sa.String(64), nullable=True),
        sa.Column("mtce_info", sa.String(255), nullable=True),
        sa.Column("vim_progress_status", sa.String(255), nullable=True),
        sa.Column("install_state", sa.String(32), nullable=True),
        sa.Column("install_state_info", sa.String(255), nullable=True),
        sa.Column("install_state_at", sa.DateTime(), nullable=True),
        sa.Column("install_token_hash", sa.String(64), nullable=True),
        sa.Column("install_token_expires_at", sa.DateTime(), nullable=True),
        sa.Column("mgmt_mac", sa.String(17), nullable=False), sa.Column("bm_type", sa.String(16), nullable=True),
        sa.Column("bm_ip", sa.String(45), nullable=True), sa.Column("bm_username", sa.String(16), nullable=True),
        sa.Column("bm_mac", sa.String(17), nullable=True), sa.Column("bm_secret", sa.Text(), nullable=True),
        sa.Column("boot_device", sa.String(255), nullable=False),
        sa.Column("rootfs_device", sa.String(255), nullable=False),
        sa.Column("hw_settle", sa.String(4), nullable=False),
        sa.Column("install_output", sa.String(16), nullable=False),
        sa.Column("console", sa.String(255), nullable=False), sa.Column("tboot", sa.String(8), nullable=False),
        sa.Column("ttys_dcd", sa.Boolean(), nullable=True),
        sa.Column("vsc_controllers", sa.String(255), nullable=True),
        sa.Column("clock_synchronization", sa.String(8), nullable=False),
        sa.Column("apparmor", sa.String(16), nullable=False),
        sa.Column("apparmor_config_status", sa.String(16), nullable=True),
        sa.Column("serialid", sa.String(255), nullable=True), sa.Column("location", sa.Text(), nullable=False),
        sa.Column("uptime", sa.Integer(), nullable=False), sa.Column("reserved", sa.Boolean(), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False),
        sa.Column("config_status", sa.String(255), nullable=True),
        sa.Column("config_applied", sa.String(36), nullable=True),
        sa.Column("config_target", sa.String(36), nullable=True),
        sa.Column("max_cpu_mhz_configured", sa.String(32), nullable=True),
        sa.Column("min_cpu_mhz_allowed", sa.String(32), nullable=True),
        sa.Column("max_cpu_mhz_allowed", sa.String(32), nullable=True),
        sa.Column("cstates_available", sa.String(255), nullable=True),
        sa.Column("iscsi_initiator_name", sa.String(255), nullable=True),
        sa.Column("nvme_host_id", sa.String(255), nullable=True),
        sa.Column("nvme_host_nqn", sa.String(255), nullable=True),
        sa.Column("device_image_update", sa.String(32), nullable=True),
        sa.Column("reboot_needed", sa.Boolean(), nullable=False),
        sa.Column("sw_version", sa.String(32), nullable=False),
        sa.Column("kernel_running", sa.String(32), nullable=True),
        sa.Column("kernel_config_status", sa.String(32), nullable=True),
        sa.Column("boot_id", sa.String(64), nullable=True),
        sa.Column("mtce_sequence", sa.BigInteger(), nullable=False), sa.Column("peer_id", sa.Integer(), nullable=True),
        sa.Column("forisystemid", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forisystemid"], ["i_system.id"], name="fk_i_host_forisystemid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_i_host"), sa.UniqueConstraint("hostname", name="uniq_i_host0hostname"),
        sa.UniqueConstraint("mgmt_mac", name="uniq_i_host0mgmt_mac"),
        sa.UniqueConstraint("uuid", name="uniq_i_host0uuid"))


def _networks() -> None:
    op.create_table(
        "networks", *_columns(), sa.Column("type", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False), sa.Column("dynamic", sa.Boolean(), nullable=False),
        sa.Column("primary_pool_family", sa.String(8), nullable=False),
        sa.Column("address_pool_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["address_pool_id"], ["address_pools.id"],
            name="fk_networks_address_pool_id", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="pk_networks"), sa.UniqueConstraint("name", name="uniq_networks0name"),
        sa.UniqueConstraint("type", name="uniq_networks0type"), sa.UniqueConstraint("uuid", name="uniq_networks0uuid"))


def _addresses() -> None:
    op.create_table(
        "addresses", *_columns(), sa.Column("name", sa.String(300), nullable=True),
        sa.Column("address", sa.String(45), nullable=False), sa.Column("prefix", sa.Integer(), nullable=False),
        sa.Column("enable_dad", sa.Boolean(), nullable=False), sa.Column("interface_id", sa.Integer(), nullable=True),
        sa.Column("address_pool_id", sa.Integer(), nullable=True),
        sa.Column("forihostid", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["address_pool_id"], ["address_pools.id"],
            name="fk_addresses_address_pool_id", ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_addresses_forihostid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.UniqueConstraint("address", "address_pool_id", name="uniq_addresses0address0address_pool_id"),
        sa.UniqueConstraint("name", name="uniq_addresses0name"),
        sa.UniqueConstraint("uuid", name="uniq_addresses0uuid"))
    op.create_index("ix_addresses_forihostid", "addresses", ["forihostid"])


def _i_idisk() -> None:
    op.create_table(
        "i_idisk", *_columns(), sa.Column("device_node", sa.String(255), nullable=False),
        sa.Column("device_num", sa.Integer(), nullable=True), sa.Column("device_type", sa.String(16), nullable=True),
        sa.Column("device_id", sa.String(255), nullable=True), sa.Column("device_path", sa.String(255), nullable=True),
        sa.Column("device_wwn", sa.String(255), nullable=True), sa.Column("size_mib", sa.Integer(), nullable=False),
        sa.Column("available_mib", sa.Integer(), nullable=False), sa.Column("rpm", sa.String(32), nullable=True),
        sa.Column("serial_id", sa.String(255), nullable=True), sa.Column("capabilities", sa.Text(), nullable=False),
        sa.Column("foristorid", sa.Integer(), nullable=True), sa.Column("foripvid", sa.Integer(), nullable=True),
        sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_i_idisk_forihostid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_i_idisk"),
        sa.UniqueConstraint("device_path", "forihostid", name="uniq_i_idisk0device_path0forihostid"),
        sa.UniqueConstraint("uuid", name="uniq_i_idisk0uuid"))
    op.create_index("ix_i_idisk_forihostid", "i_idisk", ["forihostid"])


def _i_node() -> None:
    op.create_table(
        "i_node", *_columns(), sa.Column("numa_node", sa.Integer(), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_i_node_forihostid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_i_node"),
        sa.UniqueConstraint("numa_node", "forihostid", name="uniq_i_node0numa_node0forihostid"),
        sa.UniqueConstraint("uuid", name="uniq_i_node0uuid"))
    op.create_index("ix_i_node_forihostid", "i_node", ["forihostid"])


def _network_addresspools() -> None:
    op.create_table(
        "network_addresspools", *_columns(), sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("address_pool_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["address_pool_id"], ["address_pools.id"],
            name="fk_network_addresspools_address_pool_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"],
            name="fk_network_addresspools_network_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_network_addresspools"),
        sa.UniqueConstraint("network_id", "address_pool_id",
            name="uniq_network_addresspools0network_id0address_pool_id"),
        sa.UniqueConstraint("uuid", name="uniq_network_addresspools0uuid"))


def _pci_devices() -> None:
    op.create_table(
        "pci_devices", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("type", sa.String(16), nullable=False), sa.Column("name", sa.String(255), nullable=True),
        sa.Column("pciaddr", sa.String(64), nullable=False), sa.Column("pclass", sa.String(255), nullable=True),
        sa.Column("pvendor", sa.String(255), nullable=True), sa.Column("pdevice", sa.String(255), nullable=True),
        sa.Column("psvendor", sa.String(255), nullable=True), sa.Column("psdevice", sa.String(255), nullable=True),
        sa.Column("numa_node", sa.Integer(), nullable=False), sa.Column("sriov_totalvfs", sa.Integer(), nullable=True),
        sa.Column("sriov_numvfs", sa.Integer(), nullable=True),
        sa.Column("sriov_vfs_pci_address", sa.Text(), nullable=False),
        sa.Column("sriov_vf_driver", sa.String(255), nullable=True),
        sa.Column("sriov_vf_pdevice_id", sa.String(8), nullable=True),
        sa.Column("driver", sa.String(255), nullable=True), sa.Column("pclass_id", sa.String(6), nullable=True),
        sa.Column("pvendor_id", sa.String(4), nullable=True), sa.Column("pdevice_id", sa.String(4), nullable=True),
        sa.Column("extra_info", sa.String(1024), nullable=True), sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], name="fk_pci_devices_host_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_pci_devices"),
        sa.UniqueConstraint("pciaddr", "host_id", name="uniq_pci_devices0pciaddr0host_id"),
        sa.UniqueConstraint("uuid", name="uniq_pci_devices0uuid"))
    op.create_index("ix_pci_devices_host_id", "pci_devices", ["host_id"])


def _i_icpu() -> None:
    op.create_table(
        "i_icpu", *_columns(), sa.Column("cpu", sa.Integer(), nullable=False),
        sa.Column("core", sa.Integer(), nullable=False), sa.Column("thread", sa.Integer(), nullable=False),
        sa.Column("socket", sa.Integer(), nullable=False), sa.Column("cpu_family", sa.String(255), nullable=True),
        sa.Column("cpu_model", sa.String(255), nullable=True),
        sa.Column("allocated_function", sa.String(32), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.Column("forinodeid", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_i_icpu_forihostid", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["forinodeid"], ["i_node.id"], name="fk_i_icpu_forinodeid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_i_icpu"),
        sa.UniqueConstraint("cpu", "forihostid", name="uniq_i_icpu0cpu0forihostid"),
        sa.UniqueConstraint("uuid", name="uniq_i_icpu0uuid"))
    op.create_index("ix_i_icpu_forihostid", "i_icpu", ["forihostid"])


def _i_imemory() -> None:
    op.create_table(
        "i_imemory", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("memtotal_mib", sa.Integer(), nullable=False),
        sa.Column("memavail_mib", sa.Integer(), nullable=False),
        sa.Column("platform_reserved_mib", sa.Integer(), nullable=False),
        sa.Column("node_memtotal_mib", sa.Integer(), nullable=False),
        sa.Column("vswitch_hugepages_size_mib", sa.Integer(), nullable=False),
        sa.Column("vswitch_hugepages_nr", sa.Integer(), nullable=False),
        sa.Column("vswitch_hugepages_avail", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_nr_2M", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_avail_2M", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_nr_1G", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_avail_1G", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_nr_4K", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_possible_2M", sa.Integer(), nullable=False),
        sa.Column("vm_hugepages_possible_1G", sa.Integer(), nullable=False),
        sa.Column("minimum_platform_reserved_mib", sa.Integer(), nullable=False),
        sa.Column("vswitch_hugepages_reqd", sa.Integer(), nullable=True),
        sa.Column("vm_hugepages_nr_2M_pending", sa.Integer(), nullable=True),
        sa.Column("vm_hugepages_nr_1G_pending", sa.Integer(), nullable=True),
        sa.Column("vm_hugepages_2M_percentage", sa.Integer(), nullable=True),
        sa.Column("vm_hugepages_1G_percentage", sa.Integer(), nullable=True),
        sa.Column("hugepages_configured", sa.Boolean(), nullable=False),
        sa.Column("vm_hugepages_use_1G", sa.Boolean(), nullable=False),
        sa.Column("vm_pending_as_percentage", sa.Boolean(), nullable=False),
        sa.Column("capabilities", sa.Text(), nullable=False), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.Column("forinodeid", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_i_imemory_forihostid", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["forinodeid"], ["i_node.id"], name="fk_i_imemory_forinodeid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_i_imemory"),
        sa.UniqueConstraint("forihostid", "forinodeid", name="uniq_i_imemory0forihostid0forinodeid"),
        sa.UniqueConstraint("uuid", name="uniq_i_imemory0uuid"))
    op.create_index("ix_i_imemory_forihostid", "i_imemory", ["forihostid"])


def _ports() -> None:
    op.create_table(
        "ports", *_columns(), sa.Column("type", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=True), sa.Column("pciaddr", sa.String(64), nullable=False),
        sa.Column("pclass", sa.String(255), nullable=True), sa.Column("pvendor", sa.String(255), nullable=True),
        sa.Column("pdevice", sa.String(255), nullable=True), sa.Column("psvendor", sa.String(255), nullable=True),
        sa.Column("psdevice", sa.String(255), nullable=True), sa.Column("numa_node", sa.Integer(), nullable=False),
        sa.Column("sriov_totalvfs", sa.Integer(), nullable=True),
        sa.Column("sriov_numvfs", sa.Integer(), nullable=True),
        sa.Column("sriov_vfs_pci_address", sa.Text(), nullable=False),
        sa.Column("sriov_vf_driver", sa.String(255), nullable=True),
        sa.Column("sriov_vf_pdevice_id", sa.String(8), nullable=True),
        sa.Column("driver", sa.String(255), nullable=True), sa.Column("namedisplay", sa.String(255), nullable=True),
        sa.Column("dev_id", sa.Integer(), nullable=False), sa.Column("dpdksupport", sa.Boolean(), nullable=False),
        sa.Column("numchannels", sa.Integer(), nullable=True), sa.Column("maxchannels", sa.Integer(), nullable=True),
        sa.Column("sriov_vf_numchannels", sa.Integer(), nullable=True),
        sa.Column("sriov_vf_maxchannels", sa.Integer(), nullable=True),
        sa.Column("capabilities", sa.Text(), nullable=False), sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("mtu", sa.Integer(), nullable=True), sa.Column("speed", sa.Integer(), nullable=True),
        sa.Column("link_mode", sa.String(255), nullable=True), sa.Column("duplex", sa.String(16), nullable=True),
        sa.Column("autoneg", sa.String(16), nullable=True), sa.Column("bootp", sa.String(8), nullable=True),
        sa.Column("bootif", sa.String(64), nullable=True), sa.Column("interface_id", sa.Integer(), nullable=True),
        sa.Column("node_id", sa.Integer(), nullable=True), sa.Column("host_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], name="fk_ports_host_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["node_id"], ["i_node.id"], name="fk_ports_node_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_ports"),
        sa.UniqueConstraint("pciaddr", "dev_id", "host_id", name="uniq_ports0pciaddr0dev_id0host_id"),
        sa.UniqueConstraint("uuid", name="uniq_ports0uuid"))
    op.create_index("ix_ports_host_id", "ports", ["host_id"])


def _columns() -> list[sa.Column[Any]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", sa.DateTime(), nullable=False),
            sa.Column("updated_at", sa.DateTime(), nullable=True)]
