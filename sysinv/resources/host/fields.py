# SPDX-License-Identifier: Apache-2.0
"""``ihosts``: a host in replies, in the body that adds it, and in a PATCH."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from flock.wire.resource import ADMIN, AGENT, MTCE, SYSTEM, Record, Resource, attr
from flock.wire.types import Boolean, Choice, Document, IpAddress, Text, Uuid, WireType
from sysinv.contract.enums import BmType, OperatorAction, Personality

HOSTNAME = Text(255, 1)
SUBFUNCTIONS = Text(255, 1, r"[a-z]+(,[a-z]+)*", "Value must be subfunctions separated by commas.")
DEVICE = Text(255, 1, r"(?!.*\.\.)(/dev/)?[A-Za-z0-9_.:/+-]+", "Value must be a device name or a path below /dev.")
HW_SETTLE = Text(4, 1, r"[0-9]+", "Value must be a number of seconds.")
CONSOLE = Text(64, 0, r"([A-Za-z0-9]+(,[0-9]+[a-z0-9]*)?)?", "Value must be <tty>,<baud> or empty.")
TBOOT = Choice(("", "true", "false"))
BM_USERNAME = Text(16, 1, r"\S+", "Value must not contain blanks.")
BM_PASSWORD = Text(255, 1, r"\S+", "Value must not contain blanks.")
CLOCK = Choice(("ntp", "ptp"))
INSTALL_OUTPUT = Choice(("text", "graphical"))
MAC_TEXT = Text(64)


class Location(WireType):
    """``{"locn": "row 4"}``, or just the text."""

    name = "location"
    _text = Text(255)

    def validate(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            return {"locn": self._text.validate(value)}
        document = Document(1024).validate(value)
        return {"locn": self._text.validate(document.get("locn", ""))}


class Host(Record):
    """One host in replies; ``mgmt_ip``, ``isystem_uuid`` and ``peers`` are derived."""

    envelope = "ihosts"
    id = attr(int, writer=SYSTEM, nullable=False)
    hostname = attr(HOSTNAME, writer=ADMIN)
    personality = attr(str, writer=ADMIN)
    subfunctions = attr(str, writer=ADMIN)
    subfunction_oper = attr(str, writer=MTCE, nullable=False)
    subfunction_avail = attr(str, writer=MTCE, nullable=False)
    administrative = attr(str, writer=MTCE, nullable=False)
    operational = attr(str, writer=MTCE, nullable=False)
    availability = attr(str, writer=MTCE, nullable=False)
    invprovision = attr(str, writer=SYSTEM)
    action = attr(str, writer=ADMIN, nullable=False)
    ihost_action = attr(str, writer=SYSTEM)
    task = attr(str, writer=MTCE)
    mtce_info = attr(str, writer=MTCE)
    mtce_action = attr(str, writer=MTCE, document="Action that mtce is carrying out on the host; null without one.")
    last_error = attr(str, writer=SYSTEM, document="Why the host or its last action failed; null when neither failed, "
                                                   "or when the host has been in service since.")
    last_error_at = attr(datetime, writer=SYSTEM, document="Time of ``last_error``.")
    vim_progress_status = attr(str, writer=SYSTEM)
    inv_state = attr(str, writer=SYSTEM)
    install_state = attr(str, writer=SYSTEM)
    install_state_info = attr(str, writer=SYSTEM)
    mgmt_mac = attr(str, writer=ADMIN, nullable=False)
    mgmt_ip = attr(str, writer=SYSTEM)
    bm_type = attr(str, writer=ADMIN)
    bm_ip = attr(str, writer=ADMIN)
    bm_username = attr(str, writer=ADMIN)
    bm_password = attr(BM_PASSWORD, writer=ADMIN, secret=True)
    boot_device = attr(DEVICE, writer=ADMIN, nullable=False)
    rootfs_device = attr(DEVICE, writer=ADMIN, nullable=False)
    hw_settle = attr(HW_SETTLE, writer=ADMIN, nullable=False)
    install_output = attr(INSTALL_OUTPUT, writer=ADMIN, nullable=False)
    console = attr(CONSOLE, writer=ADMIN, nullable=False)
    tboot = attr(TBOOT, writer=ADMIN, nullable=False)
    ttys_dcd = attr(bool, writer=ADMIN)
    vsc_controllers = attr(str, writer=ADMIN)
    clock_synchronization = attr(CLOCK, writer=ADMIN, nullable=False)
    apparmor = attr(str, writer=ADMIN, nullable=False)
    serialid = attr(str, writer=ADMIN)
    location = attr(Location(), writer=ADMIN, nullable=False)
    uptime = attr(int, writer=MTCE, nullable=False)
    reserved = attr(bool, writer=MTCE, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
    config_applied = attr(str, writer=SYSTEM)
    config_target = attr(str, writer=SYSTEM)
    config_status = attr(str, writer=SYSTEM)
    max_cpu_mhz_configured = attr(str, writer=ADMIN)
    min_cpu_mhz_allowed = attr(str, writer=AGENT)
    max_cpu_mhz_allowed = attr(str, writer=AGENT)
    cstates_available = attr(str, writer=AGENT)
    iscsi_initiator_name = attr(str, writer=AGENT)
    nvme_host_id = attr(str, writer=AGENT)
    nvme_host_nqn = attr(str, writer=AGENT)
    device_image_update = attr(str, writer=SYSTEM)
    reboot_needed = attr(bool, writer=SYSTEM, nullable=False)
    sw_version = attr(str, writer=SYSTEM, nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM)
    forisystemid = attr(int, writer=SYSTEM, nullable=False)
    peers = attr(object, writer=SYSTEM)
    peer_id = attr(int, writer=SYSTEM)


class NewHost(Resource):
    """Body of ``POST /v1/ihosts``; the rules check MAC address and names, in their order."""

    hostname = attr(HOSTNAME)
    personality = attr(Personality)
    subfunctions = attr(SUBFUNCTIONS)
    mgmt_mac = attr(MAC_TEXT)
    bm_ip = attr(IpAddress())
    bm_type = attr(BmType)
    bm_username = attr(BM_USERNAME)
    bm_password = attr(BM_PASSWORD, secret=True)
    serialid = attr(str)
    location = attr(Location())
    boot_device = attr(DEVICE)
    rootfs_device = attr(DEVICE)
    hw_settle = attr(HW_SETTLE)
    install_output = attr(INSTALL_OUTPUT)
    console = attr(CONSOLE)
    tboot = attr(TBOOT)
    vsc_controllers = attr(str)
    ttys_dcd = attr(bool)
    clock_synchronization = attr(CLOCK)
    # Clients send states of a new host; they are accepted and have no effect.
    administrative = attr(str)
    operational = attr(str)
    availability = attr(str)
    invprovision = attr(str)


class HostChange(Resource):
    """Fields of a PATCH; the rules of actions check ``action`` and supply the text of its refusal."""

    action = attr(Text(64))
    # The profile that action apply-profile applies; it changes no field of the host.
    iprofile_uuid = attr(Uuid())
    hostname = attr(HOSTNAME)
    personality = attr(Personality)
    subfunctions = attr(SUBFUNCTIONS)
    boot_device = attr(DEVICE)
    rootfs_device = attr(DEVICE)
    hw_settle = attr(HW_SETTLE)
    install_output = attr(INSTALL_OUTPUT)
    console = attr(CONSOLE)
    tboot = attr(TBOOT)
    ttys_dcd = attr(Boolean())
    vsc_controllers = attr(str)
    clock_synchronization = attr(Text(64))
    apparmor = attr(Text(64))
    bm_type = attr(Text(64))
    bm_ip = attr(Text(64))
    bm_username = attr(Text(64))
    bm_password = attr(BM_PASSWORD, secret=True)
    serialid = attr(str)
    location = attr(Location())
    capabilities = attr(dict)
    max_cpu_mhz_configured = attr(Text(32))


class InstallProgress(Resource):
    """Body of ``install_progress``."""

    install_state = attr(("preinstall", "installing", "postinstall", "installed", "failed", "booting", "completed"),
                         mandatory=True)
    install_state_info = attr(str)


class InstallRequest(Resource):
    """Body of ``install_config``: a certificate request (PEM) for the key that the host has made."""

    csr = attr(Text(8192), mandatory=True)


ACTIONS = tuple(OperatorAction)
CHILDREN = ("iinterfaces", "interface_networks", "interface_datanetworks", "ports", "ethernet_ports", "inodes",
            "icpus", "imemorys", "idisks", "partitions", "ilvgs", "ipvs", "pci_devices", "addresses", "lldp_agents",
            "lldp_neighbours", "labels", "ptp_instances", "ptp_interfaces", "isensors", "isensorgroups", "istors",
            "ceph_mon")
