# SPDX-License-Identifier: Apache-2.0
"""Enumerations of hosts and their inventory, in StarlingX's spelling."""
from __future__ import annotations

import enum


class Personality(enum.StrEnum):
    """Role of a host; set once."""

    CONTROLLER = "controller"
    WORKER = "worker"
    STORAGE = "storage"
    EDGEWORKER = "edgeworker"
    NETWORK = "network"


class Subfunction(enum.StrEnum):
    """Functions a host carries; the order is the order on the wire."""

    CONTROLLER = "controller"
    WORKER = "worker"
    STORAGE = "storage"
    LOWLATENCY = "lowlatency"


class KernelType(enum.StrEnum):
    """Kernel that a host should run."""

    STANDARD = "standard"
    LOWLATENCY = "lowlatency"


class Administrative(enum.StrEnum):
    """The operator's intent: whether the host may carry service."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"


class Operational(enum.StrEnum):
    """Whether the host can carry service."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Availability(enum.StrEnum):
    """Health in detail."""

    AVAILABLE = "available"
    INTEST = "intest"
    DEGRADED = "degraded"
    FAILED = "failed"
    POWER_OFF = "power-off"
    OFFLINE = "offline"
    OFFDUTY = "offduty"
    ONLINE = "online"
    DEPENDENCY = "dependency"
    NOT_INSTALLED = "not-installed"


class InvProvision(enum.StrEnum):
    """Provisioning state of a host."""

    UNPROVISIONED = "unprovisioned"
    INVENTORIED = "inventoried"
    CONFIGURED = "configured"
    PROVISIONING = "provisioning"
    PROVISIONED = "provisioned"
    UPGRADING = "upgrading"


class InvState(enum.StrEnum):
    """Whether the inventory of the present installation is complete."""

    INVENTORIED = "inventoried"
    REINSTALLING = "reinstalling"


class ActionState(enum.StrEnum):
    """Where a (re)installation stands; not exposed."""

    REINSTALLING = "reinstalling"
    REINSTALLED = "reinstalled"


class InstallState(enum.StrEnum):
    """Progress of an installation."""

    PREINSTALL = "preinstall"
    INSTALLING = "installing"
    POSTINSTALL = "postinstall"
    INSTALLED = "installed"
    FAILED = "failed"
    BOOTING = "booting"
    COMPLETED = "completed"


class OperatorAction(enum.StrEnum):
    """Supported values of ``action`` in a PATCH."""

    NONE = "none"
    LOCK = "lock"
    FORCE_LOCK = "force-lock"
    FORCE_UNSAFE_LOCK = "force-unsafe-lock"
    UNLOCK = "unlock"
    FORCE_UNLOCK = "force-unlock"
    SWACT = "swact"
    FORCE_SWACT = "force-swact"
    RESET = "reset"
    REBOOT = "reboot"
    POWER_ON = "power-on"
    POWER_OFF = "power-off"
    REINSTALL = "reinstall"


class PartitionStatus(enum.IntEnum):
    """State of a partition; the numbers are StarlingX's."""

    READY = 0
    IN_USE = 1
    CREATING = 2
    CREATING_ON_UNLOCK = 3
    DELETING = 4
    MODIFYING = 5
    DELETED = 6
    ERROR = 10
    ERROR_INTERNAL = 11
    ERROR_GPT = 12


class VolumeState(enum.StrEnum):
    """State of a volume group or physical volume; a group is never ``failed``, a volume never ``provisioning``."""

    UNPROVISIONED = "unprovisioned"
    ADDING = "adding"
    PROVISIONING = "provisioning"
    PROVISIONED = "provisioned"
    REMOVING = "removing"
    FAILED = "failed"


class StorageChange(enum.StrEnum):
    """What an order changes on a disk of a host; ``extend`` and ``reduce`` change a volume group."""

    CREATE = "create"
    GROW = "grow"
    DELETE = "delete"
    WIPE = "wipe"
    EXTEND = "extend"
    REDUCE = "reduce"


class BmType(enum.StrEnum):
    """Protocol of a board management controller; for ``dynamic``, mtce detects it."""

    NONE = "none"
    DYNAMIC = "dynamic"
    IPMI = "ipmi"
    REDFISH = "redfish"


class CpuFunction(enum.StrEnum):
    """Function to which a logical CPU is assigned."""

    PLATFORM = "Platform"
    VSWITCH = "Vswitch"
    SHARED = "Shared"
    APPLICATION = "Application"
    APPLICATION_ISOLATED = "Application-isolated"
    NONE = "None"


class SystemType(enum.StrEnum):
    """Deployment model, first half."""

    STANDARD = "Standard"
    ALL_IN_ONE = "All-in-one"


class SystemMode(enum.StrEnum):
    """Deployment model, second half; ``duplex-direct`` cables two controllers back to back."""

    SIMPLEX = "simplex"
    DUPLEX = "duplex"
    DUPLEX_DIRECT = "duplex-direct"


class FilesystemState(enum.StrEnum):
    """State of a file system of a host; the texts are StarlingX's."""

    CREATING = "Creating"
    CREATING_ON_UNLOCK = "Creating (on unlock)"
    DELETING = "Deleting"
    DELETING_ON_UNLOCK = "Deleting (on unlock)"
    IN_USE = "In-Use"
    MODIFYING = "Modifying"
    READY = "Ready"
    RECONFIGURE_WITH_APP = "Reconfigure with App"
    ERROR = "Error"


class NetworkType(enum.StrEnum):
    """Platform networks; at most one of each."""

    MGMT = "mgmt"
    PXEBOOT = "pxeboot"
    OAM = "oam"
    CLUSTER_HOST = "cluster-host"
    MULTICAST = "multicast"
    ADMIN = "admin"
    STORAGE = "storage"
    IRONIC = "ironic"
    CLUSTER_POD = "cluster-pod"
    CLUSTER_SERVICE = "cluster-service"
    SYSTEM_CONTROLLER = "system-controller"
    SYSTEM_CONTROLLER_OAM = "system-controller-oam"


class InterfaceType(enum.StrEnum):
    """What a network interface is made of."""

    ETHERNET = "ethernet"
    AE = "ae"
    VLAN = "vlan"
    VF = "vf"
    VIRTUAL = "virtual"


class InterfaceClass(enum.StrEnum):
    """What a network interface is for; null without a purpose yet."""

    PLATFORM = "platform"
    DATA = "data"
    PCI_PASSTHROUGH = "pci-passthrough"
    PCI_SRIOV = "pci-sriov"


class AeMode(enum.StrEnum):
    """How an aggregated interface uses its members."""

    BALANCED = "balanced"
    ACTIVE_STANDBY = "active_standby"
    LACP = "802.3ad"


class AddressMode(enum.StrEnum):
    """Where the addresses of an interface come from; the last two only exist for IPv6."""

    DISABLED = "disabled"
    STATIC = "static"
    POOL = "pool"
    LINK_LOCAL = "link-local"
    AUTO = "auto"


class DataNetworkType(enum.StrEnum):
    """How a data network separates the traffic of its users."""

    FLAT = "flat"
    VLAN = "vlan"
    VXLAN = "vxlan"


class VimProgress(enum.StrEnum):
    """Values of ``vim_progress_status`` that are not failure reasons."""

    SERVICES_ENABLED = "services-enabled"
    SERVICES_DISABLED = "services-disabled"


LOCK_ACTIONS = frozenset({OperatorAction.LOCK, OperatorAction.FORCE_LOCK, OperatorAction.FORCE_UNSAFE_LOCK})
UNLOCK_ACTIONS = frozenset({OperatorAction.UNLOCK, OperatorAction.FORCE_UNLOCK})
SWACT_ACTIONS = frozenset({OperatorAction.SWACT, OperatorAction.FORCE_SWACT})

# A request is being carried out at the host.
PARTITION_CHANGING = frozenset({PartitionStatus.CREATING, PartitionStatus.DELETING, PartitionStatus.MODIFYING})
PARTITION_FAILED = frozenset({PartitionStatus.ERROR, PartitionStatus.ERROR_INTERNAL, PartitionStatus.ERROR_GPT})


class BackendType(enum.StrEnum):
    """What a storage back end is made of."""

    CEPH = "ceph"
    ROOK = "ceph-rook"
    CEPH_EXTERNAL = "ceph-external"
    LVM = "lvm"
    FILE = "file"
    EXTERNAL = "external"


class BackendState(enum.StrEnum):
    """How far a storage back end is."""

    CONFIGURED = "configured"
    CONFIGURING = "configuring"
    FAILED = "configuration-failed"
    ON_UNLOCK = "configuring-on-unlock"
    WITH_APP = "configuring-with-app"
    DELETING_WITH_APP = "deleting-with-app"
    FORCE_DELETING_WITH_APP = "force-deleting-with-app"


class StorFunction(enum.StrEnum):
    """What a disk does for a Ceph cluster."""

    OSD = "osd"
    JOURNAL = "journal"


class StorState(enum.StrEnum):
    """How far an OSD or a journal disk is."""

    CONFIGURED = "configured"
    CONFIGURING = "configuring"
    ON_UNLOCK = "configuring-on-unlock"
    WITH_APP = "configuring-with-app"
    DELETING_WITH_APP = "deleting-with-app"
    FORCE_DELETING_WITH_APP = "force-deleting-with-app"
