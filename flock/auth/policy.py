# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the five roles as oslo.policy rules, and the enforcer built from the slices' ``POLICY``."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from oslo_policy import opts as policy_opts
from oslo_policy import policy

from flock.auth.context import RequestContext

READER = "rule:flock:reader"
OPERATOR = "rule:flock:operator"
CONFIGURATOR = "rule:flock:configurator"
ADMIN = "rule:flock:admin"
SERVICE = "rule:flock:service"
ANYONE = "@"

_PROJECT = "(project_name:admin or project_name:services)"
_READERS = "(role:reader or role:operator or role:configurator or role:admin or role:service)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation and who may perform it. Several operations may share one rule ``name`` with the same ``check``."""

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
    """The enforcer of one API; ``allows`` answers without raising."""

    def __init__(self, conf: Any, rules: Iterable[Rule], *, read_from_any_project: bool = False,
                 project_domain: str = "Default") -> None:
        policy_opts._register(conf)
        self._project_domain = project_domain
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.register_defaults([*role_defaults(read_from_any_project), *documented(rules)])
        self._enforcer.load_rules()

    def allows(self, name: str, context: RequestContext, target: dict[str, Any] | None = None) -> bool:
        """Whether ``context`` passes rule ``name``; an unregistered name raises (a programming error)."""
        credentials = context.credentials(self._project_domain)
        return bool(self._enforcer.authorize(name, target or {}, credentials, do_raise=False))
