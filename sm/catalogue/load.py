# SPDX-License-Identifier: Apache-2.0
"""Reads the shipped definitions and the site; names every broken rule with its file, row and field."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from sm.catalogue import definitions, plugins
from sm.catalogue.definitions import Definitions, Deployments, Group, GroupHead, ResultCodes, Service, Variants
from sm.catalogue.fields import ELSEWHERE, ELSEWHERE_RULE
from sm.catalogue.reader import Reader
from sm.catalogue.site import FAMILIES, OTHER, PLATFORMS, Site, address_rules
from sm.contract.states import Condition, PluginKind, ServiceAction, ServiceState, Status

SHIPPED = Path(__file__).parent
NEEDS = ("enable_needs", "disable_needs", "go_active_needs", "go_standby_needs", "enabled_needs", "enable_after",
         "go_active_after")


@cache
def shipped() -> Definitions:
    """The definitions of this release."""
    return read(SHIPPED)


def read(directory: Path) -> Definitions:
    """The definitions below a directory: ``groups/*.yaml``, ``deployments.yaml``, ``results.yaml``.

    CatalogueRefused lists every broken rule.
    """
    reader = Reader()
    deployments = reader.record(Deployments, reader.document(directory / "deployments.yaml"), "deployments.yaml", "")
    results = _results(reader, directory / "results.yaml")
    groups: dict[str, Group] = {}
    for path in sorted((directory / "groups").glob("*.yaml")):
        group = _group(reader, path)
        if group is None:
            continue
        if group.name in groups:
            reader.wrong(path.name, group.name, "group", f"is already defined in {groups[group.name].file}")
        groups[group.name] = group
    if deployments is not None:
        _cross_check(reader, groups, deployments)
    reader.finish()
    return Definitions(groups, deployments, results)


def read_site(path: Path, known: Definitions) -> Site:
    """The site that a file describes; CatalogueRefused lists every broken rule."""
    reader = Reader()
    raw = reader.document(path)
    reader.finish()
    site = reader.record(Site, raw, path.name, "site")
    if site is not None:
        site_problems(reader, site, known, path.name)
    reader.finish()
    return site  # type: ignore[no-any-return]


def site_problems(reader: Reader, site: Site, known: Definitions, file: str) -> None:
    """Report what in a site the definitions do not know."""
    deployments = known.deployments
    services = {name for group in known.groups.values() for name in group.services}
    for field, value, allowed in (
            ("mode", [site.mode], deployments.modes), ("role", [site.role], ["none", *deployments.roles]),
            ("platform", [site.platform], PLATFORMS), ("features", site.features, deployments.features),
            ("networks", site.networks, deployments.networks), ("parameters", site.parameters, services),
            ("programs", site.programs, services)):
        for item in value:
            if item not in allowed:
                reader.wrong(file, "site", field, f"{item!r} is not known; known are {', '.join(sorted(allowed))}")
    for key in sorted(ELSEWHERE & site.configuration.keys()):
        reader.wrong(file, "site", f"configuration.{key}", ELSEWHERE_RULE)
    for network, field, rule in address_rules(site):
        reader.wrong(file, f"network {network}", field, rule)
    if site.programs and site.platform != OTHER:
        reader.wrong(file, "site", "programs", f"may stand only where the platform is {OTHER!r}")
    for name, text in site.programs.items():
        try:
            if plugins.parse(text)[0] in plugins.PROBES:
                raise ValueError("must start and stop the service")
        except ValueError as error:
            reader.wrong(file, "site", f"programs.{name}", str(error))


def _group(reader: Reader, path: Path) -> Group | None:
    raw = reader.document(path)
    services = raw.pop("services", None)
    if not raw or not isinstance(services, dict) or not services:
        if raw:
            reader.wrong(path.name, "", "services", "a group needs services")
        return None
    head: GroupHead | None = reader.record(GroupHead, raw, path.name, "")
    variants = {name: _variants(reader, path.name, str(name), body) for name, body in services.items()}
    return Group(head.group, path.name, head, variants) if head is not None else None


def _variants(reader: Reader, file: str, name: str, body: Any) -> Variants:
    row = f"service {name}"
    if not isinstance(body, dict) or not isinstance(body.get("flock", {}), dict):
        reader.wrong(file, row, "", "must be a mapping")
        return Variants(None, None)
    base = {key: value for key, value in body.items() if key != "flock"}
    starlingx = _service(reader, file, row, base) if "plugin" in base or "flock" not in body else None
    if "flock" not in body:
        return Variants(starlingx, None)
    # The flock derives the order of stopping from that of starting, so StarlingX's own does not pass on.
    inherited = {key: value for key, value in base.items() if key not in ("disable_needs", "go_standby_needs")}
    return Variants(starlingx, _service(reader, file, f"{row} flock", {**inherited, **body["flock"]}))


def _service(reader: Reader, file: str, row: str, raw: dict[str, Any]) -> Service | None:
    audit = raw.get("audit")
    if isinstance(audit, int) and not isinstance(audit, bool):
        raw = {**raw, "audit": {"enabled": audit, "disabled": audit}}
    service: Service | None = reader.record(Service, raw, file, row)
    if service is None:
        return None
    try:
        plugins.parse(service.plugin)
    except ValueError as error:
        reader.wrong(file, row, "plugin", str(error))
    for field, mapping in (("commands", service.commands), ("retries", service.retries)):
        for action in sorted(set(mapping) - set(ServiceAction)):
            reader.wrong(file, row, field, f"{action!r} is not an action; known are {', '.join(ServiceAction)}")
    for field in ("limits", "audit"):
        part = getattr(service, field)
        for item in fields(part):
            if getattr(part, item.name) < 0:
                reader.wrong(file, row, f"{field}.{item.name}", "must not be negative")
    if bool(service.limits.go) != bool(set(service.commands) & {ServiceAction.GO_ACTIVE, ServiceAction.GO_STANDBY}):
        reader.wrong(file, row, "limits.go", "stands exactly where commands name go-active and go-standby")
    return service


def _cross_check(reader: Reader, groups: Mapping[str, Group], deployments: Deployments) -> None:
    """Report unknown services, networks and words, and services that two groups define."""
    owner: dict[str, str] = {}
    for group in groups.values():
        for name in group.services:
            if name in owner:
                reader.wrong(group.file, f"service {name}", "group", f"is already a service of {owner[name]}")
            owner[name] = group.name
    for alias, names in deployments.aliases.items():
        for name in (name for name in names if name not in owner):
            reader.wrong("deployments.yaml", f"aliases {alias}", "", f"there is no service {name!r}")
    for path, definition in deployments.paths.items():
        if definition.network not in deployments.networks:
            reader.wrong("deployments.yaml", f"paths {path}", "network", f"there is no network {definition.network!r}")
    services, known_words = {*owner, *deployments.aliases}, _words(deployments)
    for group in groups.values():
        for name, variants in group.services.items():
            _names_and_words(reader, group.file, f"service {name}", variants.starlingx, services, known_words)
            _names_and_words(reader, group.file, f"service {name} flock", variants.flock, services, known_words)


def _names_and_words(reader: Reader, file: str, row: str, service: Service | None, services: set[str],
                     known_words: set[str]) -> None:
    if service is None:
        return
    for field in NEEDS:
        for needed in getattr(service, field):
            if needed not in services:
                reader.wrong(file, row, field, f"there is no service {needed!r}")
    for word in (word.strip() for item in service.when for word in item.split("|")):
        if word.removeprefix("not ") not in known_words:
            reader.wrong(file, row, "when", f"{word!r} is not a known word")


def _words(deployments: Deployments) -> set[str]:
    return {"never", *deployments.modes, *deployments.roles, *deployments.features,
            *(word for mode in deployments.modes.values() for word in mode.words),
            *(f"{network}-{family}" for network in deployments.networks for family in FAMILIES)}


def _results(reader: Reader, path: Path) -> definitions.ResultTable:
    kinds = tuple(PluginKind)
    found: dict[str, dict[str, dict[str, tuple[ResultCodes, ...]]]] = {}
    for kind, names in reader.document(path).items():
        if kind not in kinds:
            reader.wrong(path.name, kind, "", f"must be one of {', '.join(kinds)}")
            continue
        found[kind] = {}
        for name, commands in (names if isinstance(names, dict) else {}).items():
            found[kind][name] = {
                command: tuple(row for index, raw in enumerate(rows if isinstance(rows, list) else [rows])
                               if (row := _codes(reader, path.name, f"{kind} {name} {command} {index + 1}", raw)))
                for command, rows in (commands if isinstance(commands, dict) else {}).items()}
    return found


def _codes(reader: Reader, file: str, row: str, raw: Any) -> ResultCodes | None:
    if isinstance(raw, dict) and isinstance(raw.get("codes"), list):
        raw = {**raw, "codes": [str(code) for code in raw["codes"]]}
    codes: ResultCodes | None = reader.record(ResultCodes, raw, file, row)
    if codes is not None:
        for field, value, allowed in (("state", codes.state, ServiceState), ("status", codes.status, Status),
                                      ("condition", codes.condition, Condition)):
            if value not in ("", "none") and value not in [member.value for member in allowed]:
                reader.wrong(file, row, field, f"must be none or one of {', '.join(m for m in allowed if m)}")
    return codes
