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


class VimProgress(enum.StrEnum):
    """Values of ``vim_progress_status`` that are not failure reasons."""

    SERVICES_ENABLED = "services-enabled"
    SERVICES_DISABLED = "services-disabled"


LOCK_ACTIONS = frozenset({OperatorAction.LOCK, OperatorAction.FORCE_LOCK, OperatorAction.FORCE_UNSAFE_LOCK})
UNLOCK_ACTIONS = frozenset({OperatorAction.UNLOCK, OperatorAction.FORCE_UNLOCK})
SWACT_ACTIONS = frozenset({OperatorAction.SWACT, OperatorAction.FORCE_SWACT})
