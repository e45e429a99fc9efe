# SPDX-License-Identifier: Apache-2.0
"""Makes the configured rows of one controller of the shipped definitions and its site."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from sm.catalogue import plugins
from sm.catalogue.check import problems
from sm.catalogue.definitions import Definitions, Group, Limits, Service, Variants
from sm.catalogue.fields import PLACEHOLDER
from sm.catalogue.load import site_problems
from sm.catalogue.problems import CatalogueRefused, Problem
from sm.catalogue.reader import Reader
from sm.catalogue.rows import (
    ActionRow,
    Configured,
    DependencyRow,
    DomainMemberRow,
    DomainRow,
    GroupMemberRow,
    GroupRow,
    HeartbeatRow,
    InstanceRow,
    InterfaceRow,
    ResultRow,
    ServiceRow,
    SettingRow,
)
from sm.catalogue.site import FLOCK, OTHER, Family, Site, values, words
from sm.contract.states import Condition, DependencyKind, PluginKind, ServiceAction, ServiceState, Status

RETRIES: Mapping[ServiceAction, int] = {
    ServiceAction.ENABLE: 2, ServiceAction.GO_ACTIVE: 2, ServiceAction.GO_STANDBY: 2, ServiceAction.AUDIT_ENABLED: 2,
    ServiceAction.DISABLE: 1, ServiceAction.AUDIT_DISABLED: 0,
}
"""How often an action is tried again where a service says nothing else."""
_NEEDED: Mapping[str, tuple[ServiceAction, ServiceState]] = {
    "enable_needs": (ServiceAction.ENABLE, ServiceState.ENABLED_ACTIVE),
    "disable_needs": (ServiceAction.DISABLE, ServiceState.DISABLED),
    "go_active_needs": (ServiceAction.GO_ACTIVE, ServiceState.ENABLED_ACTIVE),
    "go_standby_needs": (ServiceAction.GO_STANDBY, ServiceState.DISABLED),
    "enable_after": (ServiceAction.ENABLE, ServiceState.ENABLED_ACTIVE),
    "go_active_after": (ServiceAction.GO_ACTIVE, ServiceState.ENABLED_ACTIVE),
    "enabled_needs": (ServiceAction.ENABLE, ServiceState.ENABLED_ACTIVE),
}
OTHER_STOP_S = 30
"""What something else runs may take so long to stop; the flock's own daemons end sooner, or are killed."""
_LASTING = "enabled_needs"
_REVERSED = ("enable_needs", "go_active_needs", _LASTING)
"""What is stopped in the reverse order of starting."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A service as this site runs it."""

    name: str
    group: Group
    service: Service
    provisioned: bool
    own: bool = field(default=False)
    """Whether the flock's variant was taken, whose order of stopping is derived."""


def configured(known: Definitions, site: Site) -> Configured:
    """The rows of a controller; CatalogueRefused lists every broken rule of site, definitions and rows."""
    reader = Reader()
    site_problems(reader, site, known, "site")
    reader.finish()
    mode = known.deployments.modes[site.mode]
    chosen = [found for group in known.groups.values() for name, variants in group.services.items()
              if (found := _choose(name, group, variants, site, _facts(known, site)))]
    filling = {**values(site), "dc": "", **mode.values}
    rows = Configured(
        service_domains=(DomainRow(**asdict(known.deployments.domain)),),
        service_domain_interfaces=tuple(_interfaces(known, site)),
        service_domain_members=tuple(_domain_members(known, site, chosen)),
        service_groups=tuple(_groups(known, site, chosen)),
        service_group_members=tuple(GroupMemberRow(one.group.name, one.name, one.provisioned, one.service.impact)
                                    for one in chosen),
        services=tuple(_service(one) for one in chosen),
        service_dependency=tuple(_dependencies(known, chosen)),
        service_instances=tuple(_instances(chosen, site, filling)),
        service_actions=tuple(row for one in chosen for row in _actions(one)),
        service_action_results=tuple(_results(known)),
        service_heartbeat=tuple(HeartbeatRow(one.name, **asdict(one.service.heartbeat)) for one in chosen
                                if one.service.heartbeat is not None),
        configuration=tuple(_settings(known, site)))
    broken = problems(rows)
    if broken:
        raise CatalogueRefused(_with_files(broken, known))
    return rows


def _facts(known: Definitions, site: Site) -> set[str]:
    """All words that hold for a site."""
    return {site.mode, site.role, *site.features, *words(site), *known.deployments.modes[site.mode].words}


def _holds(when: Iterable[str], facts: set[str]) -> bool:
    return all(any((word.strip().removeprefix("not ") in facts) != word.strip().startswith("not ")
                   for word in item.split("|")) for item in when)


def _choose(name: str, group: Group, variants: Variants, site: Site, facts: set[str]) -> Chosen | None:
    """The variant of the site's platform; on the flock, StarlingX's other services are known and not provisioned."""
    if site.platform == OTHER:
        return _run_by_other(name, group, variants, site.programs.get(name, ""))
    if site.platform == FLOCK and variants.flock is not None:
        return Chosen(name, group, variants.flock, _holds(variants.flock.when, facts), own=True)
    if variants.starlingx is None:
        return None
    return Chosen(name, group, variants.starlingx, site.platform != FLOCK and _holds(variants.starlingx.when, facts))


def _run_by_other(name: str, group: Group, variants: Variants, program: str) -> Chosen | None:
    """A service that something else runs: its name, impact, order and audits are the shipped ones, and nothing of how
    the shipped program is called."""
    service = variants.flock or variants.starlingx
    if service is None:
        return None
    own, limits = variants.flock is not None, service.limits
    if not program:
        return Chosen(name, group, service, provisioned=False, own=own)
    called = Service(service.impact, program, Limits(limits.start, max(limits.stop, OTHER_STOP_S), limits.audit),
                     service.audit, enable_needs=(*service.enable_needs, *service.go_active_needs),
                     disable_needs=service.disable_needs, enabled_needs=service.enabled_needs,
                     enable_after=(*service.enable_after, *service.go_active_after))
    return Chosen(name, group, called, provisioned=True, own=own)


def _interfaces(known: Definitions, site: Site) -> Iterator[InterfaceRow]:
    domain = known.deployments.domain.name
    for name, path in known.deployments.paths.items():
        network = site.networks.get(path.network)
        family, addresses = next(iter(network.families.items())) if network else ("ipv4", Family())
        alone = site.mode == "simplex"
        yield InterfaceRow(
            domain=domain, name=name, provisioned=network is not None, device=network.device if network else "",
            network_type=f"{family}-udp", address=addresses.own, multicast="" if alone else addresses.multicast,
            peer_address="" if alone else addresses.peer,
            connect_type="dc" if path.direct and site.mode == "duplex-direct" else "tor")


def _used(chosen: Iterable[Chosen]) -> set[str]:
    """Groups with a provisioned service; the others are not provisioned either."""
    return {one.group.name for one in chosen if one.provisioned}


def _domain_members(known: Definitions, site: Site, chosen: list[Chosen]) -> Iterator[DomainMemberRow]:
    mode, used = known.deployments.modes[site.mode], _used(chosen)
    for group in known.groups.values():
        placement = mode.placement or group.head.placement
        yield DomainMemberRow(known.deployments.domain.name, group.name, group.name in used, placement.model,
                              placement.n_active, placement.m_standby, group.head.aggregate if mode.aggregates else "",
                              ",".join(group.head.preferred))


def _groups(known: Definitions, site: Site, chosen: list[Chosen]) -> Iterator[GroupRow]:
    divisor, used = known.deployments.modes[site.mode].failure_debounce_divisor, _used(chosen)
    for group in known.groups.values():
        yield GroupRow(group.name, group.name in used, group.head.failure_debounce_ms // divisor,
                       group.head.fatal_error_reboot)


def _service(one: Chosen) -> ServiceRow:
    text = one.service
    return ServiceRow(one.name, one.provisioned, text.max_failures, text.fail_countdown,
                      text.fail_countdown_interval_ms, text.max_action_failures, text.max_transition_failures,
                      text.pid_file, text.program, text.user, text.on_failure)


def _dependencies(known: Definitions, chosen: list[Chosen]) -> Iterator[DependencyRow]:
    names = {one.name: one for one in chosen}
    stops: defaultdict[str, list[DependencyRow]] = defaultdict(list)
    for one in chosen:
        for field_name, (action, state) in _NEEDED.items():
            for needed in _expanded(known, getattr(one.service, field_name)):
                if needed not in names:
                    continue
                yield DependencyRow(one.name, action, needed, state,
                                    DependencyKind.STATE if field_name == _LASTING else DependencyKind.ACTION)
                if field_name in _REVERSED and one.own and names[needed].own:
                    stops[needed].append(_reverse(names[needed], one, ServiceAction.DISABLE))
                    if ServiceAction.GO_STANDBY in names[needed].service.commands:
                        stops[needed].append(_reverse(names[needed], one, ServiceAction.GO_STANDBY))
    for rows in stops.values():
        yield from dict.fromkeys(rows)


def _reverse(needed: Chosen, needing: Chosen, action: ServiceAction) -> DependencyRow:
    """Whoever needs a service ends, or goes standby where something of it stays, before that service does."""
    stays = _has_standby(needing.service)
    state = ServiceState.ENABLED_STANDBY if stays and action is ServiceAction.GO_STANDBY else ServiceState.DISABLED
    return DependencyRow(needed.name, action, needing.name, state)


def _has_standby(service: Service) -> bool:
    return ServiceAction.GO_ACTIVE in service.commands


def _expanded(known: Definitions, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from known.deployments.aliases.get(name, (name,))


def _instances(chosen: list[Chosen], site: Site, filling: Mapping[str, str]) -> Iterator[InstanceRow]:
    """Every instance, with the site's values in place of placeholders. A placeholder without a value stays."""
    for one in chosen:
        given = {**one.service.instance, **site.parameters.get(one.name, {})}
        filled = {name: PLACEHOLDER.sub(lambda match: filling.get(match[1], match[0]), text)
                  for name, text in given.items()}
        instance = PLACEHOLDER.sub(lambda match: filling.get(match[1], match[0]), one.service.instance_name)
        yield InstanceRow(one.name, instance or one.name, {name: text for name, text in filled.items() if text})


def _actions(one: Chosen) -> Iterator[ActionRow]:
    text = one.service
    kind, provider, name = plugins.parse(text.plugin)
    times = {ServiceAction.ENABLE: (text.limits.start, 0), ServiceAction.DISABLE: (text.limits.stop, 0),
             ServiceAction.GO_ACTIVE: (text.limits.go, 0), ServiceAction.GO_STANDBY: (text.limits.go, 0),
             ServiceAction.AUDIT_ENABLED: (text.limits.audit, text.audit.enabled),
             ServiceAction.AUDIT_DISABLED: (text.limits.audit, text.audit.disabled)}
    for action, (timeout_s, interval_s) in times.items():
        command = text.commands.get(action) or plugins.command(kind, action)
        if not command or action in text.without:
            continue
        retries = text.retries.get(action, RETRIES[action])
        yield ActionRow(one.name, action, kind, name, command, timeout_s, provider, text.parameters, retries, retries,
                        retries, interval_s)


def _results(known: Definitions) -> Iterator[ResultRow]:
    for kind, names in known.results.items():
        for name, commands in names.items():
            for command, rows in commands.items():
                for row in rows:
                    for code in row.codes:
                        yield ResultRow(
                            PluginKind(kind), name, command, code, row.result,
                            ServiceState(row.state) if row.state else None,
                            Status("" if row.status == "none" else row.status) if row.status else None,
                            Condition("" if row.condition == "none" else row.condition) if row.condition else None)


def _settings(known: Definitions, site: Site) -> Iterator[SettingRow]:
    merged = {**known.deployments.configuration, "SYSTEM_MODE": site.mode, "SYSTEM_ROLE": site.role,
              "PLATFORM": site.platform, **site.configuration}
    for key, value in merged.items():
        yield SettingRow(key, value)


def _with_files(found: Iterable[Problem], known: Definitions) -> Iterator[Problem]:
    """The same problems, with the file that defines the service or group in place of the table."""
    files = {name: group.file for group in known.groups.values() for name in (group.name, *group.services)}
    for problem in found:
        word = next((word for word in problem.row.split() if word in files), "")
        file = files.get(word, "results.yaml" if problem.place == "service_action_results" else "deployments.yaml")
        yield Problem(file, f"{problem.place} {problem.row}", problem.field, problem.rule)
