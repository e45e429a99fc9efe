# SPDX-License-Identifier: Apache-2.0
"""Rules of service parameters: which names and values there are, what may be removed, what a section needs."""
from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.resources.serviceparameter.values import ValueRule

NAME_LENGTH_MAX, SECTION_LENGTH_MAX, VALUE_LENGTH_MAX, RESOURCE_LENGTH_MAX = 255, 128, 4096, 255
HIDDEN = "****"
PERSONALITIES = ("controller", "worker", "storage")
DEPRECATED = "ptp"
_RESOURCE = re.compile(r"[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)+")
# With these names a configurator could have the kernel run programs as root; others belong to other settings.
PROTECTED = ("kernel.core_pattern", "kernel.core_pipe_limit", "kernel.modprobe", "kernel.modules_disabled",
             "kernel.hotplug", "kernel.poweroff_cmd", "kernel.usermodehelper", "kernel.hostname", "kernel.domainname",
             "kernel.sysrq", "kernel.panic", "fs.binfmt_misc", "fs.suid_dumpable", "vm.nr_hugepages",
             "vm.nr_hugepages_mempolicy", "vm.nr_overcommit_hugepages")


class ParameterRefused(Refused):
    """A rule about service parameters refuses a request."""

    code: ClassVar[str] = "sysinv.service_parameter.refused"


class ParameterExists(Conflict):
    """There is such a parameter already."""

    code: ClassVar[str] = "sysinv.service_parameter.exists"
    text: ClassVar[str] = ("Service parameter add failed:  Parameter already exists: service={service} "
                           "section={section} name={name}")


class Effect(enum.StrEnum):
    """What a change of a section does to hosts. ``apply``: the operator applies it; ``immediate``: it is applied at
    once; ``stored``: nothing, because nothing reads it."""

    APPLY = "apply"
    IMMEDIATE = "immediate"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Definition:
    """A parameter of a section. ``key``: of hiera; ``default``: of the row that each system has from its start."""

    name: str
    rule: ValueRule
    default: str | None = None
    mandatory: bool = False
    readonly: bool = False
    secret: bool = False
    key: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a service. ``any_name``: pattern and rule of names that are not among ``parameters``.

    ``collect``: the hiera key of a mapping of all names to values; ``used_by`` tells operators who reads them.
    """

    service: str
    name: str
    effect: Effect
    classes: tuple[str, ...] = ()
    personalities: tuple[str, ...] = ()
    parameters: Mapping[str, Definition] = field(default_factory=dict)
    any_name: tuple[str, ValueRule] | None = None
    collect: str | None = None
    check: str | None = None
    used_by: str = ""

    @property
    def reason(self) -> str:
        """What the history of a host calls a change of the section."""
        return f"service parameters {self.service} {self.name}"

    def definition(self, name: str) -> Definition | None:
        """Return the definition of a parameter; None for a name that the section does not have."""
        known = self.parameters.get(name)
        if known is None and self.any_name is not None and re.fullmatch(self.any_name[0], name):
            return Definition(name, self.any_name[1])
        return known


Schema = Mapping[str, Mapping[str, Section]]


def sections_of(schema: Schema, service: str | None) -> Mapping[str, Section]:
    """Return the sections of a service by name; ParameterRefused."""
    if not service:
        raise ParameterRefused(detail="Unspecified service name")
    if service == DEPRECATED:
        raise ParameterRefused(detail="ptp service is deprecated")
    if service not in schema:
        raise ParameterRefused(detail=f"Invalid service name {service}.")
    return schema[service]


def section_of(schema: Schema, service: str | None, section: str | None) -> Section:
    """Return a section; ParameterRefused."""
    found = sections_of(schema, service).get(section or "")
    if found is None:
        raise ParameterRefused(detail=f"Invalid service section {section or ''}.")
    return found


def check_value(section: Section, name: str, value: str) -> Definition:
    """Return the definition of a parameter that may have this value; ParameterRefused names the broken rule."""
    known = section.definition(name)
    if known is None:
        raise ParameterRefused(
            detail=f"The parameter name {name} is invalid for service {section.service} section {section.name}")
    if known.readonly:
        raise ParameterRefused(detail=f"The parameter {name} of service {section.service} section {section.name} is "
                                      "read only.")
    if section.check == "sysctl":
        _check_sysctl(name)
    if value == "":
        raise ParameterRefused(detail="The service parameter value is mandatory")
    broken = known.rule.broken(value)
    if broken is not None:
        shown = "" if known.secret else f" {value}"
        raise ParameterRefused(detail=f"{name}: the value{shown} is not possible, it must be {broken}.")
    return known


def _check_sysctl(name: str) -> None:
    dotted = name.replace("/", ".")
    if any(dotted == one or dotted.startswith(f"{one}.") for one in PROTECTED):
        raise ParameterRefused(detail=f"{name}: this setting of the kernel is protected and can not be changed.")


def check_custom(personality: str | None, resource: str | None, count: int, *,
                 is_owned: Callable[[str], bool]) -> None:
    """Check a request with personality or resource; ParameterRefused. ``is_owned``: a key belongs to the platform."""
    if count != 1:
        raise ParameterRefused(detail="Cannot specify multiple parameters with custom resource.")
    if personality is not None and personality not in PERSONALITIES:
        raise ParameterRefused(
            detail=f"personality: {personality} is not possible, it must be one of {', '.join(PERSONALITIES)}.")
    if resource is None:
        return
    if len(resource) > RESOURCE_LENGTH_MAX or _RESOURCE.fullmatch(resource) is None:
        raise ParameterRefused(detail=f"resource: {resource[:RESOURCE_LENGTH_MAX]} is not a key such as class::name.")
    if is_owned(resource):
        raise ParameterRefused(detail=f"resource: {resource} belongs to the platform and can not be set here.")


def check_delete(section: Section | None, name: str) -> None:
    """Raise ParameterRefused for a parameter that a section must have, or that nobody may change."""
    known = None if section is None else section.definition(name)
    if section is not None and known is not None and known.mandatory:
        raise ParameterRefused(detail=f"{_titled(section)} Parameter '{name}' is required.")
    if section is not None and known is not None and known.readonly:
        raise ParameterRefused(detail=f"The parameter {name} of service {section.service} section {section.name} is "
                                      "read only.")


def _titled(section: Section) -> str:
    return f"{section.service} {section.name}".title()


def check_section(section: Section, values: Mapping[str, str]) -> None:
    """Raise ParameterRefused while a section is not complete, or its values do not fit together."""
    for name, known in section.parameters.items():
        if known.mandatory and name not in values:
            raise ParameterRefused(detail=f"{_titled(section)} Parameter '{name}' is required.")
    check = _CHECKS.get(section.check or "")
    broken = None if check is None else check(values)
    if broken is not None:
        raise ParameterRefused(detail=broken)


def _thresholds(values: Mapping[str, str]) -> str | None:
    degrade, failure = values["heartbeat_degrade_threshold"], values["heartbeat_failure_threshold"]
    if int(degrade) < int(failure):
        return None
    return f"heartbeat_degrade_threshold {degrade} must be lower than heartbeat_failure_threshold {failure}."


_OIDC = ("oidc-issuer-url", "oidc-client-id", "oidc-username-claim")
_OIDC_GROUPS = "oidc-groups-claim"


def _oidc(values: Mapping[str, str]) -> str | None:
    given = [name for name in (*_OIDC, _OIDC_GROUPS) if name in values]
    missing = [name for name in _OIDC if name not in values]
    if not given or not missing:
        return None
    return (f"OIDC needs {', '.join(_OIDC)} together, with {_OIDC_GROUPS} if wanted; missing: {', '.join(missing)}.")


_CHECKS: Mapping[str, Callable[[Mapping[str, str]], str | None]] = {"thresholds": _thresholds, "oidc": _oidc}
CHECKS = frozenset({*_CHECKS, "sysctl"})
