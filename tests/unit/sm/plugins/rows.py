# SPDX-License-Identifier: Apache-2.0
"""Rows of results of section 7.3 of the specification, as the catalogue ships them, and jobs for tests."""
from __future__ import annotations

from collections.abc import Mapping

from sm.contract.states import ActionResult, Condition, PluginKind, ServiceAction, ServiceState, Status
from sm.core.model import ActionSpec, ResultRow, Retries, ServiceSpec
from sm.plugins.plugin import Job

OK, BAD = ActionResult.SUCCESS, ActionResult.FAILED
ACTIVE, DISABLED = ServiceState.ENABLED_ACTIVE, ServiceState.DISABLED
LSB, OCF = PluginKind.LSB, PluginKind.OCF
WORDS = ("plugin-failure", "plugin-timeout", "other")
CONDITIONS = (Condition.DATA_INCONSISTENT, Condition.DATA_OUTDATED, Condition.DATA_CONSISTENT, Condition.DATA_SYNCING,
              Condition.DATA_STANDALONE)


def _rows(plugin: PluginKind, name: str, command: str, codes: tuple[object, ...], result: ActionResult,
          state: ServiceState | None = None, status: Status | None = None,
          condition: Condition | None = None) -> list[ResultRow]:
    return [ResultRow(plugin, name, command, str(code), result, state, status, condition) for code in codes]


ROWS: tuple[ResultRow, ...] = (
    *_rows(LSB, "default", "status", (0,), OK, ACTIVE),
    *_rows(LSB, "default", "status", (1, 2, 3), OK, DISABLED),
    *_rows(LSB, "default", "status", (4, "plugin-failure", "other"), BAD),
    *_rows(LSB, "default", "default", (0,), OK),
    *_rows(LSB, "default", "default", (*range(1, 7), *WORDS), BAD),
    *_rows(LSB, "default", "default", (7,), BAD, DISABLED),
    *_rows(LSB, "openldap", "status", (0, 160), OK, ACTIVE, Status.NONE, Condition.NONE),
    *_rows(LSB, "openldap", "status", (161,), OK, ACTIVE, Status.DEGRADED, Condition.FD_LIMIT_REACHED),
    *_rows(OCF, "default", "default", (0,), OK, None, Status.NONE, Condition.NONE),
    *_rows(OCF, "default", "default", (*range(1, 7), *WORDS), BAD),
    *_rows(OCF, "default", "default", (7,), OK, DISABLED, Status.NONE, Condition.NONE),
    *_rows(OCF, "default", "default", (8,), OK, ACTIVE, Status.NONE, Condition.NONE),
    *_rows(OCF, "default", "default", (9,), BAD, ACTIVE),
    *(row for number, condition in enumerate(CONDITIONS) for row in (
        *_rows(OCF, "default", "default", (32 + number,), OK, None, Status.DEGRADED, condition),
        *_rows(OCF, "default", "default", (37 + number,), OK, ACTIVE, Status.DEGRADED, condition))),
    *_rows(OCF, "default", "stop", (5,), OK, DISABLED),
    *_rows(OCF, "default", "demote", (5,), OK, DISABLED),
    *_rows(OCF, "Filesystem", "stop", (1, "plugin-timeout"), OK, DISABLED),
)


def spec(plugin: PluginKind, name: str, command: str, *, action: ServiceAction = ServiceAction.ENABLE,
         timeout_s: int = 20, provider: str = "", parameters: Mapping[str, str] | None = None,
         retries: Retries | None = None) -> ActionSpec:
    """One action."""
    return ActionSpec(action, plugin, name, command, timeout_s, provider, parameters or {}, retries or Retries())


def job(action: ActionSpec, parameters: Mapping[str, str] | None = None, instance: str = "") -> Job:
    """A job of the service ``one`` with this action."""
    return Job(ServiceSpec("one", {action.action: action}, parameters=parameters or {}, instance=instance), action)
