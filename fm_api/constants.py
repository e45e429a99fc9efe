# SPDX-License-Identifier: Apache-2.0
"""Names of alarm and log ids, severities, states, types, causes and entity types that StarlingX's services import.

Each ``FM_ALARM_ID_*`` is an alarm of the catalogue and each ``FM_LOG_ID_*`` a log. The module computes names that
follow a rule: ``ALARM_PROBABLE_CAUSE_1``, ``FM_LOG_ID_VM_PAUSE_REJECTED``, ``FM_ALARM_ID_SW_PATCH_AUTO_APPLY_FAILED``.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fm.contract.catalogue import CONTEXTS
from fm.contract.causes import NUMBERED_CAUSES, UNKNOWN
from fm.contract.enums import AlarmState, AlarmType, CloudStatus, Severity

if TYPE_CHECKING:
    def __getattr__(name: str) -> str: ...

_GROUPS = {
    "GENERAL": "100", "MAINTENANCE": "200", "BACKUP_RESTORE": "210", "SYSCONFIG": "250", "DEPLOYMENT": "260",
    "HOST_SERVICES": "270", "HYPERVISOR": "275", "DISTRIBUTED_CLOUD": "280", "NETWORK": "300", "HA": "400",
    "SECURITY": "500", "LICENSING": "600", "VM": "700", "APPLICATION": "750", "STORAGE": "800", "K8S": "850",
    "SW_MGMT": "900"}

_ALARM_IDS = {
    "100.104": "FS_USAGE", "100.105": "IMAGE_CONVERSION", "100.120": "CONTROLLERS_KERNEL_MISMATCH",
    "100.121": "PROVISIONED_KERNEL_MISMATCH",
    "210.001": "BACKUP_IN_PROGRESS", "210.002": "RESTORE_IN_PROGRESS",
    "250.001": "SYSCONFIG_OUT_OF_DATE",
    "260.001": "UNRECONCILED_RESOURCE", "260.002": "UNSYNCHRONIZED_RESOURCE",
    "280.001": "DC_SUBCLOUD_OFFLINE", "280.002": "DC_SUBCLOUD_RESOURCE_OUT_OF_SYNC",
    "280.003": "DC_SUBCLOUD_BACKUP_FAILED", "280.004": "DC_SYSTEM_PEER_HEARTBEAT_FAILED",
    "280.005": "DC_SUBCLOUD_PEER_GROUP_NOT_MANAGED",
    "300.001": "NETWORK_PORT", "300.002": "NETWORK_INTERFACE", "300.003": "NETWORK_AGENT",
    "300.004": "NETWORK_PROVIDERNET", "300.005": "NETWORK_PROVIDERNET_CONNECTIVITY", "300.010": "NETWORK_ML2_DRIVER",
    "300.012": "NETWORK_OPENFLOW_CONTROLLER", "300.014": "NETWORK_OVSDB_MANAGER", "300.016": "NETWORK_BGP_PEER",
    "400.001": "HA_SERVICE_GROUP_STATE", "400.002": "HA_SERVICE_GROUP_REDUNDANCY", "400.003": "HA_NODE_LICENSE",
    "400.005": "HA_COMMUNICATION_FAILURE",
    "500.100": "TPM_INIT", "500.101": "NONSTANDARD_CERT_PATCH", "500.200": "CERT_EXPIRING_SOON",
    "500.210": "CERT_EXPIRED",
    "700.001": "VM_FAILED", "700.002": "VM_PAUSED", "700.003": "VM_SUSPENDED", "700.004": "VM_STOPPED",
    "700.005": "VM_REBOOTING", "700.006": "VM_REBUILDING", "700.007": "VM_EVACUATING", "700.008": "VM_LIVE_MIGRATING",
    "700.009": "VM_COLD_MIGRATING", "700.010": "VM_COLD_MIGRATED", "700.011": "VM_COLD_MIGRATE_REVERTING",
    "700.012": "VM_RESIZING", "700.013": "VM_RESIZED", "700.014": "VM_RESIZE_REVERTING",
    "700.015": "VM_GUEST_HEARTBEAT", "700.016": "VM_MULTI_NODE_RECOVERY_MODE", "700.017": "VM_GROUP_POLICY_CONFLICT",
    "750.001": "APPLICATION_UPLOAD_FAILED", "750.002": "APPLICATION_APPLY_FAILED",
    "750.003": "APPLICATION_REMOVE_FAILED", "750.004": "APPLICATION_APPLYING", "750.005": "APPLICATION_UPDATING",
    "750.006": "APPLICATION_REAPPLY_PENDING",
    "800.001": "STORAGE_CEPH", "800.002": "STORAGE_IMAGE", "800.010": "STORAGE_CEPH_CRITICAL",
    "800.011": "STORAGE_CEPH_MAJOR", "800.100": "STORAGE_CINDER_IO_BUILDING", "800.101": "STORAGE_CINDER_IO_LIMITING",
    "800.104": "STORAGE_BACKEND_FAILED", "800.105": "CONTROLLER_FS_FAILED",
    "850.001": "K8S_RESOURCE_PV", "850.002": "K8S_CLUSTER_DOWN",
    "900.001": "PATCH_IN_PROGRESS", "900.002": "PATCH_HOST_INSTALL_FAILED", "900.003": "PATCH_OBS_IN_SYSTEM",
    "900.004": "HOST_VERSION_MISMATCH", "900.005": "UPGRADE_IN_PROGRESS", "900.006": "DEVICE_IMAGE_UPDATE_IN_PROGRESS",
    "900.007": "KUBE_UPGRADE_IN_PROGRESS", "900.008": "KUBE_ROOTCA_UPDATE_IN_PROGRESS",
    "900.009": "KUBE_ROOTCA_UPDATE_ABORTED", "900.010": "SYSTEM_CONFIG_UPDATE_IN_PROGRESS",
    "900.011": "SYSTEM_CONFIG_UPDATE_ABORTED", "900.020": "USM_DEPLOY_HOST_SUCCESS_RR",
    "900.021": "USM_DEPLOY_HOST_FAILURE", "900.022": "USM_CLEANUP_DEPLOYMENT_DATA",
    "900.023": "USM_RELEASE_DEPLOY_IN_PROGRESS", "900.024": "USM_RELEASE_OBS_IN_SYSTEM",
    "900.231": "SW_UPGRADE_DEPLOY_STATE_OUT_OF_SYNC", "900.701": "USM_NODE_TAINTED"}

_LOG_IDS = {
    "200.020": "HOST_DISCOVERED", "210.101": "RESTORE_COMPLETE", "270.101": "HOST_SERVICES_FAILED",
    "270.102": "HOST_SERVICES_ENABLED", "270.103": "HOST_SERVICES_DISABLED", "275.001": "HYPERVISOR_STATE_CHANGE",
    "500.001": "INVALID_PASSWORD", "500.002": "USER_LOCKOUT",
    "700.101": "VM_ENABLED", "700.102": "VM_FAILED", "700.211": "VM_GUEST_HEARTBEAT_ESTABLISHED",
    "700.212": "VM_GUEST_HEARTBEAT_DISCONNECTED", "700.213": "VM_GUEST_HEARTBEAT_FAILED", "700.214": "VM_RENAMED",
    "700.215": "VM_GUEST_HEALTH_CHECK_FAILED", "700.216": "VM_MULTI_NODE_RECOVERY_MODE_ENTER",
    "700.217": "VM_MULTI_NODE_RECOVERY_MODE_EXIT"}

_ORCHESTRATIONS = ("SW_PATCH", "SW_UPGRADE", "FW_UPDATE", "KUBE_UPGRADE", "KUBE_ROOTCA_UPDATE", "SYSTEM_CONFIG_UPDATE")
_ORCHESTRATION_ALARMS = ("INPROGRESS", "ABORTING", "FAILED")
_ORCHESTRATION_LOGS = ("START", "INPROGRESS", "REJECTED", "CANCELLED", "FAILED", "COMPLETED", "ABORT", "ABORTING",
                       "ABORT_REJECTED", "ABORT_FAILED", "ABORTED")

_VM_OPERATIONS = ("CREATE", "DELETE", "PAUSE", "UNPAUSE", "SUSPEND", "RESUME", "START", "STOP", "LIVE_MIGRATE",
                  "COLD_MIGRATE", "COLD_MIGRATE_CONFIRM", "COLD_MIGRATE_REVERT", "EVACUATE", "REBOOT", "REBUILD",
                  "RESIZE", "RESIZE_CONFIRM", "RESIZE_REVERT")
_FIRST_VM_OPERATION = 103
_IRREGULAR = {"STOP": ("STOPPING", "STOPPED"), "REBUILD": ("REBUILDING", "REBUILT")}

_ENTITY_TYPES = {
    "SYSTEM": "system", "HOST": "host", "PORT": "port", "INTERFACE": "interface", "DISK": "disk", "SERVICE": "service",
    "AGENT": "agent", "PROVIDERNET": "providernet", "INSTANCE": "instance", "CLUSTER": "cluster", "NTP": "ntp",
    "ML2DRIVER": "ml2driver", "K8S": "kubernetes", "BGP_PEER": "bgp-peer", "STORAGE_BACKEND": "storage_backend",
    "IMAGE_CONVERSION": "fs_name", "SUBCLOUD": "subcloud", "APPLICATION": "k8s_application",
    "CERTIFICATE": "certificate", "SYSTEM_PEER": "system_peer", "SUBCLOUD_PEER_GROUP": "subcloud_peer_group",
    "CONTROLLER_FS": "controller_fs"}


def _vm_logs() -> dict[str, str]:
    """``{id: name}`` of the logs of VM operations. Each has six consecutive ids: requested, running, rejected,
    cancelled, failed, done."""
    found = {}
    for place, verb in enumerate(_VM_OPERATIONS):
        stem = verb.removesuffix("E")
        running, done = _IRREGULAR.get(verb, (f"{stem}ING", f"{stem}ED"))
        names = (verb, running, f"{verb}_REJECTED", f"{verb}_CANCELLED", f"{verb}_FAILED", done)
        first = _FIRST_VM_OPERATION + len(names) * place
        found.update({f"700.{first + step}": f"VM_{name}" for step, name in enumerate(names)})
    return found


def _orchestration(names: tuple[str, ...], first: int) -> dict[str, str]:
    """``{id: name}`` of orchestration ``g``: alarms from ``900.g01``, logs from ``900.g11``."""
    return {f"900.{100 * group + first + step}": f"{kind}_AUTO_APPLY_{name}"
            for group, kind in enumerate(_ORCHESTRATIONS, 1) for step, name in enumerate(names)}


def _names() -> dict[str, str]:
    found = {f"ALARM_GROUP_{name}": number for name, number in _GROUPS.items()}
    alarms = _ALARM_IDS | _orchestration(_ORCHESTRATION_ALARMS, 1)
    found |= {f"FM_ALARM_ID_{name}": ident for ident, name in alarms.items()}
    logs = _LOG_IDS | _vm_logs() | _orchestration(_ORCHESTRATION_LOGS, 11)
    found |= {f"FM_LOG_ID_{name}": ident for ident, name in logs.items()}
    found |= {f"FM_ENTITY_TYPE_{name}": text for name, text in _ENTITY_TYPES.items()}
    found |= {f"FM_ALARM_STATE_{state.name}": state.value for state in AlarmState}
    found |= {f"FM_ALARM_SEVERITY_{severity.upper()}": severity for severity in ALARM_SEVERITY}
    found |= {f"FM_ALARM_TYPE_{number}": kind for number, kind in enumerate(ALARM_TYPE)}
    found |= {f"FM_ALARM_{status.name}_STATUS": status.value for status in CloudStatus}
    found |= {f"FM_ALARM_CONTEXT_{context.upper()}": context for context in CONTEXTS}
    found |= {f"ALARM_PROBABLE_CAUSE_{number}": cause for number, cause in enumerate(NUMBERED_CAUSES, 1)}
    return found


ALARM_STATE = [state.value for state in (AlarmState.SET, AlarmState.CLEAR, AlarmState.MSG, AlarmState.LOG)]
ALARM_TYPE = [kind.value for kind in AlarmType]
ALARM_SEVERITY = [severity.value for severity in (Severity.CLEAR, Severity.WARNING, Severity.MINOR, Severity.MAJOR,
                                                  Severity.CRITICAL)]
ALARM_STATUS = [status.value for status in CloudStatus]
ALARM_CONTEXT = list(CONTEXTS)
ALARM_PROBABLE_CAUSE = [*NUMBERED_CAUSES, UNKNOWN]
ALARM_PROBABLE_CAUSE_UNKNOWN = UNKNOWN

FM_SERVICE_NETWORKING = "networking"

globals().update(_names())
