# SPDX-License-Identifier: Apache-2.0
"""Controllers for the tests of the catalogue: every deployment, with all networks and with few."""
from __future__ import annotations

from functools import cache

from flock.core.records import replace
from sm.catalogue.load import shipped
from sm.catalogue.rows import Configured
from sm.catalogue.seed import configured
from sm.catalogue.site import Family, Network, Site

MODES = ("simplex", "duplex", "duplex-direct", "standard")
ROLES = ("none", "systemcontroller", "subcloud")
NUMBERS = {"pxeboot": 202, "management": 204, "cluster-host": 206, "oam": 10, "admin": 208, "ironic": 209}
USUAL = ("pxeboot", "management", "cluster-host", "oam")
ALL = tuple(NUMBERS)


def network(name: str, families: tuple[str, ...] = ("ipv4",)) -> Network:
    number = NUMBERS[name]
    if name == "pxeboot":  # firmware asks for IPv4
        families = ("ipv4",)
    four = Family(f"192.168.{number}.1/24", f"192.168.{number}.2", f"192.168.{number}.3", f"239.1.1.{number}")
    six = Family(f"fd00:{number}::1/64", f"fd00:{number}::2", f"fd00:{number}::3", preferred_lft="0")
    return Network(f"eth-{name}"[:15], four if "ipv4" in families else None, six if "ipv6" in families else None,
                   clients=f"192.168.{number}.0/24")


def site(mode: str = "duplex", role: str = "none", platform: str = "flock", *, names: tuple[str, ...] = USUAL,
         families: tuple[str, ...] = ("ipv4",), features: tuple[str, ...] = ()) -> Site:
    return Site(mode, "controller-0", role, platform, features, {name: network(name, families) for name in names})


@cache
def rows(mode: str = "duplex", role: str = "none", platform: str = "flock", *, names: tuple[str, ...] = USUAL,
         families: tuple[str, ...] = ("ipv4",), features: tuple[str, ...] = ()) -> Configured:
    return configured(shipped(), site(mode, role, platform, names=names, families=families, features=features))


@cache
def few() -> Configured:
    """A small system for tests of the store: what the flock runs on a duplex system, and little that it does not."""
    found = rows()
    names = {row.name for row in found.services if row.provisioned} | {"vim", "vim-api"}
    groups = {row.group for row in found.service_group_members if row.service in names}
    return replace(
        found,
        service_domain_members=tuple(row for row in found.service_domain_members if row.group in groups),
        service_groups=tuple(row for row in found.service_groups if row.name in groups),
        services=tuple(row for row in found.services if row.name in names),
        service_dependency=tuple(row for row in found.service_dependency if {row.service, row.dependent} <= names),
        service_action_results=tuple(row for row in found.service_action_results
                                     if row.name == "default" and row.command != "demote"),
        **{table: tuple(row for row in getattr(found, table) if row.service in names)
           for table in ("service_group_members", "service_instances", "service_actions")})


def changed(configured: Configured, table: str, key: tuple[str, ...], **fields: object) -> Configured:
    """The same rows, with fields of one row of a table replaced."""
    found = [tuple(str(getattr(row, name)) for name in row.KEY) for row in getattr(configured, table)]
    assert key in found, f"no row {key} in {table}"
    return replace(configured, **{table: tuple(
        replace(row, **fields) if here == key else row
        for here, row in zip(found, getattr(configured, table), strict=True))})


def without(configured: Configured, table: str, *key: str) -> Configured:
    """The same rows, without those of a table whose key begins so."""
    kept = tuple(row for row in getattr(configured, table)
                 if tuple(str(getattr(row, name)) for name in row.KEY)[:len(key)] != key)
    assert len(kept) < len(getattr(configured, table))
    return replace(configured, **{table: kept})
