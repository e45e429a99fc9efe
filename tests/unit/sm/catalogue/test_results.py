# SPDX-License-Identifier: Apache-2.0
"""Look-ups in the shipped results, and which codes a row may have."""
import pytest

from sm.catalogue.results import is_code
from sm.contract.states import ActionResult, Condition, PluginKind, ServiceState, Status
from sm.core.resultrows import ResultRows
from tests.unit.sm.catalogue.sites import rows

OCF, LSB = PluginKind.OCF, PluginKind.LSB
OK, FAILED = ActionResult.SUCCESS, ActionResult.FAILED
ACTIVE, DISABLED = ServiceState.ENABLED_ACTIVE, ServiceState.DISABLED
DATA = tuple(enumerate((Condition.DATA_INCONSISTENT, Condition.DATA_OUTDATED, Condition.DATA_CONSISTENT,
                        Condition.DATA_SYNCING, Condition.DATA_STANDALONE)))


@pytest.mark.parametrize(("plugin", "name", "command", "code", "wanted"), [
    (LSB, "haproxy", "status", "0", (OK, ACTIVE, None, None)),
    *((LSB, "haproxy", "status", code, (OK, DISABLED, None, None)) for code in "123"),
    *((LSB, "haproxy", "status", code, (FAILED, None, None, None)) for code in ("4", "9", "plugin-failure")),
    *((LSB, "haproxy", "start", code, (FAILED, None, None, None)) for code in ("1", "6", "200", "plugin-timeout")),
    (LSB, "haproxy", "start", "0", (OK, None, None, None)),
    (LSB, "haproxy", "start", "7", (FAILED, DISABLED, None, None)),
    *((LSB, "openldap", "status", code, (OK, ACTIVE, Status.NONE, Condition.NONE)) for code in ("0", "160")),
    (LSB, "openldap", "status", "161", (OK, ACTIVE, Status.DEGRADED, Condition.FD_LIMIT_REACHED)),
    (LSB, "openldap", "status", "3", (OK, DISABLED, None, None)),
    (OCF, "pgsql", "monitor", "0", (OK, None, Status.NONE, Condition.NONE)),
    (OCF, "pgsql", "monitor", "7", (OK, DISABLED, Status.NONE, Condition.NONE)),
    (OCF, "pgsql", "monitor", "8", (OK, ACTIVE, Status.NONE, Condition.NONE)),
    (OCF, "pgsql", "monitor", "9", (FAILED, ACTIVE, None, None)),
    *((OCF, "drbd", "monitor", code, (FAILED, None, None, None)) for code in ("1", "6", "42", "plugin-failure")),
    *((OCF, "drbd", "monitor", str(32 + step), (OK, None, Status.DEGRADED, found)) for step, found in DATA),
    *((OCF, "drbd", "monitor", str(37 + step), (OK, ACTIVE, Status.DEGRADED, found)) for step, found in DATA),
    (OCF, "drbd", "stop", "5", (OK, DISABLED, None, None)),
    (OCF, "drbd", "demote", "5", (OK, DISABLED, None, None)),
    (OCF, "drbd", "promote", "5", (FAILED, None, None, None)),
    *((OCF, "Filesystem", "stop", code, (OK, DISABLED, None, None)) for code in ("1", "plugin-timeout")),
    (OCF, "Filesystem", "start", "1", (FAILED, None, None, None)),
    (PluginKind.EXEC, "/opt/x", "monitor", "35", (OK, None, Status.DEGRADED, Condition.DATA_SYNCING)),
    (PluginKind.SYSTEMD, "a.service", "status", "0", (OK, ACTIVE, None, None)),
    *((PluginKind.SYSTEMD, "a.service", "status", code, (OK, DISABLED, None, None)) for code in "13"),
    *((PluginKind.SYSTEMD, "a.service", "status", code, (FAILED, None, None, None)) for code in "456"),
    (PluginKind.SYSTEMD, "a.service", "start", "1", (FAILED, None, None, None)),
    *((kind, "x", "monitor", code, wanted) for kind in (PluginKind.HTTP, PluginKind.TCP) for code, wanted in (
        ("0", (OK, None, None, None)), ("1", (FAILED, None, None, None)), ("7", (OK, DISABLED, None, None)))),
])
def test_what_a_code_means(plugin: PluginKind, name: str, command: str, code: str, wanted: tuple[object, ...]) -> None:
    found = ResultRows(rows().service_action_results).row(plugin, name, command, code)
    assert found is not None and (found.result, found.state, found.status, found.condition) == wanted


def test_without_a_row_nothing_is_found() -> None:
    assert ResultRows(()).row(OCF, "drbd", "stop", "0") is None


@pytest.mark.parametrize(("code", "good"), [("0", True), ("255", True), ("256", False), ("-1", False), ("01", False),
                                            ("other", True), ("plugin-timeout", True), ("timeout", False), ("", False)])
def test_codes(code: str, good: bool) -> None:
    assert is_code(code) is good
