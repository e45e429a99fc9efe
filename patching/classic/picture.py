# SPDX-License-Identifier: Apache-2.0
"""What the classic interface shows of patches and hosts. Pure."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from patching.contract.states import AgentState
from patching.contract.version import Version
from patching.core import classic
from patching.core.classic import AgentFacts, Current, PatchState
from patching.core.contents import has_other_software
from patching.core.model import Release, View
from patching.db.views import Seen, Stored

SHOWN = ("all", "available", "applied", "committed")


def agent_facts(stored: Stored, seen: Mapping[str, Seen], now: datetime.datetime, silence_s: float
                ) -> dict[str, AgentFacts]:
    """What the agents have reported, by host. One that has said nothing for ``silence_s`` does not answer."""
    limit, view = now - datetime.timedelta(seconds=silence_s), stored.view
    wanted = stored.contents_of(view.running)
    return {name: AgentFacts(
        name, is_answering=one.at >= limit,
        is_out_of_date=view.deploy is None and has_other_software(one.facts, view.running, wanted),
        has_failed=one.facts.state is AgentState.INSTALL_FAILED, needs_reboot=one.facts.needs_reboot)
        for name, one in seen.items()}


def patch_states(view: View, agents: Mapping[str, AgentFacts]) -> dict[str, PatchState]:
    """What the hosts run of each patch."""
    return {release.id: classic.patch_state(view, release, agents) for release in view.releases.values()
            if classic.is_patch(release)}


def listed(stored: Stored, agents: Mapping[str, AgentFacts], show: str, release: str) -> dict[str, dict[str, Any]]:
    """The patches by id. ``show``: one of ``SHOWN``, by where a patch is; ``release``: only of this release (MM.mm or
    MM.mm.pp); empty: of all."""
    found = {}
    for one in sorted(stored.view.releases.values(), key=lambda known: (known.version, known.id)):
        if not classic.is_patch(one) or (release and release not in (one.version.major, one.version.text)):
            continue
        if show != "all" and classic.repo_state(stored.view, one).lower() != show:
            continue
        found[one.id] = described(stored, one, agents)
    return found


def described(stored: Stored, release: Release, agents: Mapping[str, AgentFacts]) -> dict[str, Any]:
    """One patch."""
    details = stored.details[release.id]
    return {
        "status": release.status.value, "sw_version": release.version.major,
        "repostate": classic.repo_state(stored.view, release).value,
        "patchstate": classic.patch_state(stored.view, release, agents).value,
        "summary": details.summary, "description": details.description,
        "install_instructions": details.install_instructions, "warnings": details.warnings,
        "reboot_required": _flag(release.reboot_required), "unremovable": _flag(release.unremovable),
        "requires": list(release.requires),
        "apply_active_release_only": "Y" if details.apply_active_release_only else ""}


def hosts(stored: Stored, seen: Mapping[str, Seen], now: datetime.datetime, silence_s: float) -> list[dict[str, Any]]:
    """The hosts whose agents have ever reported."""
    agents = agent_facts(stored, seen, now, silence_s)
    return [_host(stored.view, seen[name], agents[name], now) for name in sorted(seen)]


def _host(view: View, seen: Seen, agent: AgentFacts, now: datetime.datetime) -> dict[str, Any]:
    facts, state = seen.facts, classic.current(view, agent)
    is_partial_reboot = view.deploy is not None and view.deploy.reboot_required and facts.hostname in view.rows
    return {
        "ip": facts.ip, "hostname": facts.hostname, "patch_current": state is Current.YES,
        "secs_since_ack": max(0, int((now - seen.at).total_seconds())), "patch_failed": state is Current.FAILED,
        "stale_details": not agent.is_answering, "installed": dict(facts.packages), "to_remove": [], "missing_pkgs": [],
        "duplicated_pkgs": {}, "nodetype": facts.nodetype, "subfunctions": list(facts.subfunctions),
        "sw_version": _major(facts.version), "state": facts.state.value,
        "requires_reboot": classic.reboot_required(view, agent), "allow_insvc_patching": not is_partial_reboot,
        "interim_state": state is Current.PENDING}


def _major(version: str) -> str:
    return Version.parse(version).major if version else ""


def _flag(value: bool) -> str:
    return "Y" if value else "N"
