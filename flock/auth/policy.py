# SPDX-License-Identifier: Apache-2.0
"""Authorization: the five roles as oslo.policy rules, and the enforcer built from the slices' ``POLICY``."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from oslo_policy import policy

from flock.auth.context import RequestContext

READER = "rule:flock:reader"
OPERATOR = "rule:flock:operator"
CONFIGURATOR = "rule:flock:configurator"
ADMIN = "rule:flock:admin"
SERVICE = "rule:flock:service"
ANYONE = "@"

DECISION_TTL_S = 5.0
DECISIONS_MAX = 4096

_PROJECT = "(project_name:admin or project_name:services)"
_READERS = "(role:reader or role:operator or role:configurator or role:admin or role:service)"


@dataclass(frozen=True, slots=True)
class Rule:
    """An operation and the check for it. Several operations may share one rule ``name`` with the same ``check``."""

    name: str
    check: str
    method: str
    path: str


def role_defaults(read_from_any_project: bool = False) -> list[policy.RuleDefault]:
    """The roles as rules. ``read_from_any_project``: a reader need not be in project admin or services."""
    reader = _READERS if read_from_any_project else f"{_READERS} and {_PROJECT}"
    return [
        policy.RuleDefault("flock:reader", reader, "may read"),
        policy.RuleDefault("flock:operator", f"(role:operator or role:configurator or role:admin) and {_PROJECT}",
                           "may act on hosts"),
        policy.RuleDefault("flock:configurator", f"(role:configurator or role:admin) and {_PROJECT}",
                           "may change configuration"),
        policy.RuleDefault("flock:admin", f"role:admin and {_PROJECT}", "may do everything"),
        policy.RuleDefault("flock:service", f"(role:service and project_name:services) or (role:admin and {_PROJECT})",
                           "another service of the cloud"),
    ]


def documented(rules: Iterable[Rule]) -> list[policy.DocumentedRuleDefault]:
    """One oslo.policy default per rule name; ValueError when a name has two different checks."""
    checks: dict[str, str] = {}
    operations: dict[str, list[Any]] = {}
    for rule in rules:
        if checks.setdefault(rule.name, rule.check) != rule.check:
            raise ValueError(f"policy rule {rule.name} has two checks: {checks[rule.name]!r} and {rule.check!r}")
        operations.setdefault(rule.name, []).append({"method": rule.method, "path": rule.path})
    return [policy.DocumentedRuleDefault(name, check, name, operations[name]) for name, check in checks.items()]


class Policy:
    """The enforcer of one API.

    Caches decisions that depend only on rule and credentials for ``DECISION_TTL_S``, because oslo.policy checks the
    policy files for changes on every call. An edited policy file therefore takes effect that much later.
    """

    def __init__(self, conf: Any, rules: Iterable[Rule], *, read_from_any_project: bool = False,
                 project_domain: str = "Default", clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._decisions: dict[tuple[Any, ...], tuple[float, bool]] = {}
        self._project_domain = project_domain
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.register_defaults([*role_defaults(read_from_any_project), *documented(rules)])
        self._enforcer.load_rules()

    def allows(self, name: str, context: RequestContext) -> bool:
        """Whether ``context`` passes rule ``name``; an unregistered name raises (a programming error)."""
        key = (name, context.roles, context.user_id, context.project_id, context.project_name,
               context.project_domain_name, context.system_scope, context.is_service)
        now_s = self._clock()
        known = self._decisions.get(key)
        if known is not None and now_s < known[0]:
            return known[1]
        allowed = bool(self._enforcer.authorize(name, {}, context.credentials(self._project_domain), do_raise=False))
        if len(self._decisions) >= DECISIONS_MAX:
            self._decisions = {}
        self._decisions[key] = (now_s + DECISION_TTL_S, allowed)
        return allowed
