# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg
from oslo_policy import opts as policy_opts

from flock import conf as flock_conf
from flock.auth.context import RequestContext, anonymous, from_environ
from flock.auth.policy import (
    ADMIN,
    ANYONE,
    CONFIGURATOR,
    DECISION_TTL_S,
    DECISIONS_MAX,
    OPERATOR,
    READER,
    SERVICE,
    Policy,
    Rule,
    documented,
)

CHECKS = {"reader": READER, "operator": OPERATOR, "configurator": CONFIGURATOR, "admin": ADMIN, "service": SERVICE}
RULES = [Rule(f"t:{name}", check, "GET", f"/{name}") for name, check in CHECKS.items()]
# What each role may do in project admin. In services a service may act as one; anywhere else nobody may anything.
IN_ADMIN = {"reader": {"reader"}, "operator": {"reader", "operator"},
            "configurator": {"reader", "operator", "configurator"},
            "admin": {"reader", "operator", "configurator", "admin", "service"}, "service": {"reader"}, "member": set()}


def make(tmp_path: Path, **kwargs: Any) -> tuple[Policy, Path]:
    conf = cfg.ConfigOpts()
    flock_conf.setup("t", "t", [], conf=conf, logging_too=False)
    file = tmp_path / "policy.yaml"
    rules = [*RULES, Rule("t:public", ANYONE, "GET", "/public")]
    policy_opts.set_defaults(conf, policy_file=str(file))
    return Policy(conf, rules, **kwargs), file


@pytest.mark.parametrize(("role", "rule"), list(itertools.product(IN_ADMIN, CHECKS)))
def test_each_role_and_rule(tmp_path: Path, role: str, rule: str) -> None:
    policy, _ = make(tmp_path)

    def allows(project: str | None, domain: str | None = "Default") -> bool:
        return policy.allows(f"t:{rule}", RequestContext(
            roles=frozenset({role}), project_name=project, project_domain_name=domain))

    assert allows("admin") == (rule in IN_ADMIN[role])
    assert allows("services") == (rule in IN_ADMIN[role] or (role, rule) == ("service", "service"))
    assert not allows("tenant")
    assert not allows(None)
    assert not allows("admin", "somewhere")


def test_reading_from_any_project_where_declared(tmp_path: Path) -> None:
    policy, _ = make(tmp_path, read_from_any_project=True)
    reader = RequestContext(roles=frozenset({"reader"}), project_name="tenant", project_domain_name="x")
    assert policy.allows("t:reader", reader)
    assert not policy.allows("t:configurator", RequestContext(roles=frozenset({"admin"}), project_name="tenant"))


def test_anyone_and_unknown_rules(tmp_path: Path) -> None:
    policy, _ = make(tmp_path)
    assert policy.allows("t:public", anonymous("req"))
    with pytest.raises(Exception, match="t:ghost"):
        policy.allows("t:ghost", anonymous("req"))


def test_an_edited_policy_file_counts_after_the_memory_time(tmp_path: Path) -> None:
    now = [0.0]
    policy, file = make(tmp_path, clock=lambda: now[0])
    reader = RequestContext(roles=frozenset({"reader"}), project_name="admin")
    assert policy.allows("t:reader", reader)
    file.write_text('"t:reader": "!"\n')
    assert policy.allows("t:reader", reader)
    now[0] = DECISION_TTL_S
    assert not policy.allows("t:reader", reader)


def test_the_memory_is_bounded_and_keeps_callers_apart(tmp_path: Path) -> None:
    policy, _ = make(tmp_path)
    for number in range(DECISIONS_MAX + 10):
        roles = frozenset({"reader"} if number % 2 else {"member"})
        assert policy.allows("t:reader", RequestContext(
            user_id=str(number), roles=roles, project_name="admin")) == bool(number % 2)
    assert len(policy._decisions) <= DECISIONS_MAX


def test_one_name_has_one_check() -> None:
    same = [Rule("a", READER, "GET", "/a"), Rule("a", READER, "GET", "/b")]
    assert [len(default.operations) for default in documented(same)] == [2]
    with pytest.raises(ValueError, match="two checks"):
        documented([*same, Rule("a", ADMIN, "GET", "/c")])


def test_context_from_the_environment() -> None:
    context = from_environ({
        "HTTP_X_ROLES": "Reader, admin,", "HTTP_X_USER_ID": "u", "HTTP_X_USER_NAME": "ruth", "HTTP_X_PROJECT_ID": "p",
        "HTTP_X_PROJECT_NAME": "admin", "HTTP_X_PROJECT_DOMAIN_NAME": "Default", "HTTP_X_USER_DOMAIN_NAME": "Default",
        "REMOTE_ADDR": "10.0.0.1"}, "req-1")
    assert context.roles == {"reader", "admin"}
    assert (context.user_name, context.project_name, context.address) == ("ruth", "admin", "10.0.0.1")
    assert not context.is_service
    assert from_environ({"HTTP_X_ROLES": "service"}, "r").is_service
    assert from_environ({"HTTP_X_SERVICE_ROLES": "service"}, "r").is_service
    assert not from_environ({}, "r").roles
