# SPDX-License-Identifier: Apache-2.0
"""Catalogues for tests of the engines: one like a real controller's, random ones, and large ones."""
from __future__ import annotations

from random import Random

from sm.contract.states import Impact, PluginKind, RedundancyModel, ServiceAction, ServiceState
from sm.core.model import ActionSpec, Catalogue, Dependency, GroupSpec, MemberSpec, Retries, ServiceSpec

A = ServiceAction
AUDITS = (A.AUDIT_ENABLED, A.AUDIT_DISABLED)
PLAIN = (A.ENABLE, A.DISABLE, *AUDITS)
WARM = (*PLAIN, A.GO_ACTIVE, A.GO_STANDBY)
WARMED = (*PLAIN, A.GO_ACTIVE)
"""Stands by with everything loaded, and is stopped and started to get there."""
AGGREGATE = "controller-aggregate"

# Service: what it needs in order to start; what uses it stops before it.
CONTROLLER = {
    "management-ipv4": ("open-ldap",), "pxeboot-ipv4": (), "cluster-host-ipv4": (),
    "pg-fs": ("drbd-pg", "management-ipv4"), "rabbit-fs": ("drbd-rabbit", "management-ipv4"),
    "platform-fs": ("drbd-platform", "management-ipv4"), "etcd-fs": ("drbd-etcd",),
    "nfs-mgmt": (), "platform-export-fs": ("management-ipv4", "platform-fs"),
    "postgres": ("pg-fs",), "rabbit": ("rabbit-fs",), "etcd": ("etcd-fs",),
    "dnsmasq": ("management-ipv4", "platform-fs"), "fm-mgr": ("postgres",),
    "sysinv-conductor": ("management-ipv4", "postgres"), "sysinv-inv": ("dnsmasq", "sysinv-conductor"),
    "mtc-agent": ("fm-mgr", "sysinv-inv"), "hw-mon": ("mtc-agent",), "cert-mon": ("sysinv-inv",),
    "cert-alarm": ("fm-mgr", "sysinv-inv"),
}
DRBD = ("drbd-pg", "drbd-rabbit", "drbd-platform", "drbd-etcd")
OTHERS = {
    "oam-services": {"oam-ipv4": ("management-ipv4",), "haproxy": ("oam-ipv4", "dnsmasq")},
    "cloud-services": {"keystone": ("management-ipv4", "dnsmasq", "postgres", "rabbit"),
                       "barbican-api": ("dnsmasq", "postgres", "rabbit"), "barbican-worker": ("barbican-api",)},
    "vim-services": {"vim": ("mtc-agent",), "vim-api": ("vim",)},
    "patching-services": {"patch-alarm-manager": ()},
    "directory-services": {"open-ldap": ()},
    "web-services": {"lighttpd": (), "horizon": ("lighttpd",)},
    "storage-monitoring-services": {"ceph-radosgw": ()},
}
SHARED = ("directory-services", "web-services")
ALONE = (*SHARED, "patching-services", "storage-monitoring-services")
IMPACTS = {"cert-alarm": Impact.MAJOR, "ceph-radosgw": Impact.MINOR}


def service(name, actions=PLAIN, interval_s=30, timeout_s=20, **fields):
    """A service whose actions all are of one kind."""
    return ServiceSpec(name, {action: ActionSpec(
        action, PluginKind.EXEC, name, action.value, timeout_s, retries=Retries(2, 2, 2),
        interval_s=interval_s if action in AUDITS else 0) for action in actions}, **fields)


def needs(name, other):
    """The rows of a service that starts after another and stops before it."""
    return [Dependency(name, A.ENABLE, other, ServiceState.ENABLED_ACTIVE),
            Dependency(other, A.DISABLE, name, ServiceState.DISABLED)]


def group(name, members, impact=Impact.CRITICAL, shared=False, **fields):
    """A group of services with the same impact, but for those of ``IMPACTS``."""
    model = RedundancyModel.N if shared else RedundancyModel.N_PLUS_M
    return GroupSpec(name, model, 2 if shared else 1, 0 if shared else 1,
                     tuple(MemberSpec(member, IMPACTS.get(member, impact)) for member in members), **fields)


def controller():
    """Eight groups, 36 services and their chains, as on a duplex controller."""
    services = {name: service(name) for name in CONTROLLER}
    rows = [row for name, others in CONTROLLER.items() for other in others for row in needs(name, other)]
    rows.append(Dependency("platform-fs", A.DISABLE, "nfs-mgmt", ServiceState.DISABLED))
    for name in DRBD:
        services[name] = service(name, WARM, timeout_s=180)
        rows.append(Dependency(name, A.GO_ACTIVE, "management-ipv4", ServiceState.ENABLED_ACTIVE))
        rows += [Dependency(name, A.GO_STANDBY, row.dependent, ServiceState.DISABLED)
                 for row in rows if row.service == name and row.action is A.DISABLE]
    services["nfs-mgmt"] = service("nfs-mgmt", (A.ENABLE, A.DISABLE))
    groups = [group("controller-services", [*DRBD, *CONTROLLER], aggregate=AGGREGATE, fatal_error_reboot=True)]
    for name, members in OTHERS.items():
        services |= {member: service(member) for member in members}
        rows += [row for member, others in members.items() for other in others for row in needs(member, other)]
        groups.append(group(name, members, shared=name in SHARED, aggregate="" if name in ALONE else AGGREGATE,
                            fatal_error_reboot=name in ("cloud-services", "vim-services")))
    return Catalogue({one.name: one for one in groups}, services, tuple(rows), enabling_max=4)


def small():
    """Four groups: an aggregate that works on a replicated database, one that moves alone, one that runs everywhere."""
    database = service("postgres", WARM, interval_s=10, timeout_s=5)
    names = ("oam-ip", "management-ip", "api", "patch-alarm-manager", "lighttpd")
    services = {name: service(name, interval_s=10, timeout_s=5) for name in names} | {"postgres": database}
    rows = [row for name, other in (("api", "postgres"), ("api", "management-ip"), ("oam-ip", "management-ip"))
            for row in needs(name, other)]
    rows.append(Dependency("postgres", A.GO_ACTIVE, "management-ip", ServiceState.ENABLED_ACTIVE))
    moves = {"failure_debounce_ms": 30_000, "fatal_error_reboot": True, "aggregate": AGGREGATE}
    groups = [group("oam-services", ["oam-ip"], **moves),
              group("controller-services", ["management-ip", "postgres", "api"], **moves),
              group("patching-services", ["patch-alarm-manager"], failure_debounce_ms=30_000),
              group("web-services", ["lighttpd"], shared=True, failure_debounce_ms=30_000)]
    return Catalogue({one.name: one for one in groups}, services, tuple(rows))


def chosen(random: Random):
    """A random catalogue: 4 to 24 services in up to four groups, whose dependencies go from later to earlier ones."""
    names = [f"s{number}" for number in range(random.randint(4, 24))]
    services, rows = {}, []
    for number, name in enumerate(names):
        kind = random.random()
        actions = WARM if kind < 0.15 else PLAIN if kind < 0.85 else (
            (A.ENABLE, A.DISABLE) if kind < 0.95 else (A.ENABLE, A.DISABLE, A.AUDIT_ENABLED))
        services[name] = service(name, actions, interval_s=random.choice((5, 30, 40)), timeout_s=random.choice((5, 20)),
                                 max_failures=random.randint(1, 3), max_action_failures=random.randint(1, 4),
                                 max_transition_failures=random.randint(3, 16))
        for other in random.sample(names[:number], min(number, random.choice((0, 1, 1, 2, 3)))):
            rows += needs(name, other)
            if A.GO_STANDBY in services[other].actions:
                rows.append(Dependency(other, A.GO_STANDBY, name, ServiceState.DISABLED))
    parts = random.randint(1, 4)
    groups = [group(f"g{part}", names[part::parts], random.choice(list(Impact)), shared=random.random() < 0.2,
                    aggregate=random.choice(("", "all")), failure_debounce_ms=random.choice((0, 60_000)),
                    fatal_error_reboot=random.random() < 0.5) for part in range(parts)]
    return Catalogue({one.name: one for one in groups}, services, tuple(rows), random.choice((1, 2, 5, 1000)))


def large(count):
    """``count`` services in five groups of one aggregate; each needs three others."""
    names = [f"s{number}" for number in range(count)]
    rows = [row for number, name in enumerate(names) for step in (1, 7, 19) if number >= step
            for row in needs(name, names[number - step])]
    groups = [group(f"g{part}", names[part::5], aggregate=AGGREGATE) for part in range(5)]
    return Catalogue({one.name: one for one in groups}, {name: service(name) for name in names}, tuple(rows))
