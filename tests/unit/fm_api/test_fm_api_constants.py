# SPDX-License-Identifier: Apache-2.0
"""The names that StarlingX's services import exist, and the ids behind them are in the catalogue."""
from __future__ import annotations

import re

import pytest

from fm.contract import catalogue
from fm.contract.causes import NUMBERED_CAUSES
from fm_api import constants

NAMES = {name: value for name, value in vars(constants).items() if not name.startswith("_")}


def ids(prefix: str) -> dict[str, str]:
    return {name: value for name, value in NAMES.items() if name.startswith(prefix)}


def test_alarm_ids_are_alarms_of_the_catalogue() -> None:
    known = catalogue.load()
    assert [name for name, ident in ids("FM_ALARM_ID_").items() if not known.is_alarm(ident)] == []
    assert len(set(ids("FM_ALARM_ID_").values())) == len(ids("FM_ALARM_ID_")) == 100


def test_log_ids_are_logs_of_the_catalogue() -> None:
    known = catalogue.load()
    wrong = [name for name, ident in ids("FM_LOG_ID_").items()
             if (entry := known.find(ident)) is None or entry.is_alarm]
    assert wrong == []
    assert len(set(ids("FM_LOG_ID_").values())) == len(ids("FM_LOG_ID_")) == 8 + 117 + 66


def test_names_of_virtual_machine_logs_say_what_the_catalogue_says() -> None:
    """The catalogue describes each log in words of its own; the operation and its end must be the same."""
    ends = {"REJECTED": "reject", "CANCELLED": "cancel", "FAILED": "fail"}
    known = catalogue.load()
    for name, ident in ids("FM_LOG_ID_VM_").items():
        entry = known.find(ident)
        assert entry is not None
        end = ends.get(name.rpartition("_")[2])
        if end is not None:
            assert end in entry.description.lower() or "not " in entry.description.lower(), (name, entry.description)


@pytest.mark.parametrize(("name", "value"), [
    ("FM_ALARM_ID_FS_USAGE", "100.104"), ("FM_ALARM_ID_VM_GROUP_POLICY_CONFLICT", "700.017"),
    ("FM_ALARM_ID_SW_PATCH_AUTO_APPLY_INPROGRESS", "900.101"), ("FM_ALARM_ID_FW_UPDATE_AUTO_APPLY_FAILED", "900.303"),
    ("FM_ALARM_ID_SYSTEM_CONFIG_UPDATE_AUTO_APPLY_ABORTING", "900.602"),
    ("FM_LOG_ID_KUBE_UPGRADE_AUTO_APPLY_ABORTED", "900.421"), ("FM_LOG_ID_SW_UPGRADE_AUTO_APPLY_START", "900.211"),
    ("FM_LOG_ID_VM_CREATE", "700.103"), ("FM_LOG_ID_VM_STOPPING", "700.146"), ("FM_LOG_ID_VM_STOPPED", "700.150"),
    ("FM_LOG_ID_VM_LIVE_MIGRATED", "700.156"), ("FM_LOG_ID_VM_COLD_MIGRATE_CONFIRM_CANCELLED", "700.166"),
    ("FM_LOG_ID_VM_REBUILT", "700.192"), ("FM_LOG_ID_VM_RESIZE_REVERTED", "700.210"),
    ("FM_LOG_ID_VM_GUEST_HEARTBEAT_ESTABLISHED", "700.211"), ("FM_LOG_ID_USER_LOCKOUT", "500.002"),
    ("FM_ALARM_STATE_MSG", "msg"), ("FM_ALARM_SEVERITY_CLEAR", "clear"), ("FM_ALARM_SEVERITY_CRITICAL", "critical"),
    ("FM_ALARM_TYPE_0", "other"), ("FM_ALARM_TYPE_7", "operational-violation"),
    ("FM_ALARM_TYPE_11", "deployment in progress"), ("FM_ALARM_OK_STATUS", "OK"),
    ("ALARM_PROBABLE_CAUSE_1", "adaptor-error"), ("ALARM_PROBABLE_CAUSE_50", "threshold-crossed"),
    ("ALARM_PROBABLE_CAUSE_77", "certificate-expiration"), ("ALARM_PROBABLE_CAUSE_UNKNOWN", "unknown"),
    ("FM_ENTITY_TYPE_K8S", "kubernetes"), ("FM_ENTITY_TYPE_IMAGE_CONVERSION", "fs_name"),
    ("FM_ENTITY_TYPE_BGP_PEER", "bgp-peer"), ("FM_ENTITY_TYPE_CONTROLLER_FS", "controller_fs"),
    ("FM_SERVICE_NETWORKING", "networking"), ("FM_ALARM_CONTEXT_STARLINGX", "starlingx"),
    ("ALARM_GROUP_SW_MGMT", "900")])
def test_values(name: str, value: object) -> None:
    assert getattr(constants, name) == value


def test_values_are_plain_texts() -> None:
    """Callers put them into JSON, join and compare them."""
    assert {type(value) for name, value in NAMES.items() if re.match(r"(FM|ALARM)_", name)} == {str, list}
    for name in ("ALARM_STATE", "ALARM_TYPE", "ALARM_SEVERITY", "ALARM_STATUS", "ALARM_CONTEXT"):
        assert {type(value) for value in getattr(constants, name)} == {str}


def test_lists() -> None:
    assert len(constants.ALARM_TYPE) == 12 and len(NUMBERED_CAUSES) == 77
    assert len(constants.ALARM_PROBABLE_CAUSE) == 78
    assert constants.ALARM_SEVERITY == ["clear", "warning", "minor", "major", "critical"]
    assert sorted(constants.ALARM_STATE) == ["clear", "log", "msg", "set"]
    assert len(ids("FM_ENTITY_TYPE_")) == 22


def test_a_wrong_name_is_an_error() -> None:
    with pytest.raises(AttributeError):
        constants.FM_ALARM_ID_NO_SUCH_THING  # noqa: B018
