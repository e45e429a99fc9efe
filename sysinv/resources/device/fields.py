# SPDX-License-Identifier: Apache-2.0
"""``pci_devices``: a PCI function that is not a network port."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, attr


class PciDevice(Record):
    """One PCI function; the FPGA fields are null for other devices."""

    envelope = "pci_devices"
    type = attr(str, writer=SYSTEM, nullable=False)
    name = attr(str, writer=ADMIN, max_length=255, min_length=1)
    pciaddr = attr(str, writer=AGENT, label="address", nullable=False)
    pclass_id = attr(str, writer=AGENT, label="class id")
    pvendor_id = attr(str, writer=AGENT, label="vendor id")
    pdevice_id = attr(str, writer=AGENT, label="device id")
    pclass = attr(str, writer=AGENT, label="class name")
    pvendor = attr(str, writer=AGENT, label="vendor name")
    pdevice = attr(str, writer=AGENT, label="device name")
    psvendor = attr(str, writer=AGENT)
    psdevice = attr(str, writer=AGENT)
    numa_node = attr(int, writer=AGENT, nullable=False)
    sriov_totalvfs = attr(int, writer=AGENT)
    sriov_numvfs = attr(int, writer=AGENT)
    sriov_vfs_pci_address = attr(str, writer=AGENT, nullable=False)
    sriov_vf_driver = attr(str, writer=AGENT)
    sriov_vf_pdevice_id = attr(str, writer=AGENT)
    driver = attr(str, writer=AGENT)
    extra_info = attr(str, writer=AGENT)
    enabled = attr(bool, writer=ADMIN, nullable=False)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    bmc_build_version = attr(str, writer=AGENT)
    bmc_fw_version = attr(str, writer=AGENT)
    retimer_a_version = attr(str, writer=AGENT)
    retimer_b_version = attr(str, writer=AGENT)
    root_key = attr(str, writer=AGENT)
    revoked_key_ids = attr(str, writer=AGENT)
    boot_page = attr(str, writer=AGENT)
    bitstream_id = attr(str, writer=AGENT)
