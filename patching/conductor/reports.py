# SPDX-License-Identifier: Apache-2.0
"""What agents tell: ``patching.contract.rpc.AgentReports``."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from flock.core.errors import InvalidInput
from flock.core.records import replace
from flock.core.text import storable
from patching.conductor.machine import Machine
from patching.conductor.surroundings import Watch
from patching.contract.records import HostFacts, InstallProgress, InstallResult, Mirrored
from patching.contract.version import Version
from patching.core.contents import difference
from patching.core.events import HostEnded
from patching.db.views import Stored

TEXT_MAX, NAME_MAX, ITEMS_MAX = 4000, 255, 20_000
# A report without news is stored at most so often: all that it changes is the time.
UNCHANGED_S = 20.0


class Reports:
    """Implements ``AgentReports``."""

    def __init__(self, machine: Machine, watch: Watch, clock: Callable[[], float] = time.monotonic) -> None:
        self._machine, self._watch, self._clock = machine, watch, clock
        self._lock = threading.Lock()
        self._last: dict[str, tuple[HostFacts, float]] = {}

    def report(self, *, facts: HostFacts) -> None:
        """Store what an agent reports, and take the result of its last installation. InvalidInput names what is out
        of range. Texts are made storable and cut; a version that is none counts as unknown."""
        facts = _accepted(facts)
        bare = replace(facts, query_id="")
        with self._lock:
            last = self._last.get(facts.hostname)
            is_due = last is None or last[0] != bare or self._clock() - last[1] >= UNCHANGED_S
        if is_due or facts.query_id:
            self._machine.store.seen(facts)
            with self._lock:
                self._last[facts.hostname] = (bare, self._clock())
        self._watch.reported(facts)
        if facts.result is not None and (last is None or last[0].result != facts.result):
            self.install_ended(result=facts.result)

    def install_progress(self, *, progress: InstallProgress) -> None:
        """Store how far an installation is."""
        if not 0 <= progress.percent <= 100:
            raise InvalidInput(field="progress.percent", rule="must be from 0 to 100")
        self._machine.store.progress(progress.deploy_id, progress)

    def install_ended(self, *, result: InstallResult) -> None:
        """Take the result of an installation; that of another deployment changes nothing."""
        result = _result(result)
        stored = self._machine.store.load()
        if stored.deploy_uuid == result.deploy_id and stored.view.deploy is not None:
            error = result.error or _another(result, stored, stored.view.deploy.to_release)
            self._machine.happen(HostEnded(result.hostname, result.attempt, error))

    def mirrored(self, *, mirrored: Mirrored) -> None:
        """Store what a controller holds."""
        if len(mirrored.digests) > ITEMS_MAX:
            raise InvalidInput(field="mirrored.digests", rule=f"must be at most {ITEMS_MAX}")
        self._machine.store.mirrored(replace(mirrored, digests=_items(mirrored.digests)))


def _accepted(facts: HostFacts) -> HostFacts:
    """What a host says, so that it can be stored, shown and compared: its word must disturb nothing but its own row."""
    if not 0 < len(facts.hostname) <= NAME_MAX:
        raise InvalidInput(field="facts.hostname", rule=f"must have 1 to {NAME_MAX} characters")
    for field in ("digests", "packages", "subfunctions"):
        if len(getattr(facts, field)) > ITEMS_MAX:
            raise InvalidInput(field=f"facts.{field}", rule=f"must be at most {ITEMS_MAX}")
    result = facts.result
    if result is not None and result.hostname != facts.hostname:
        raise InvalidInput(field="facts.result.hostname", rule="must be that of the report")
    clean: dict[str, Any] = {field: storable(getattr(facts, field), NAME_MAX)
                             for field in ("host_uuid", "ip", "nodetype", "boot_id", "query_id", "backend")}
    clean |= {field: _version(getattr(facts, field)) for field in ("version", "installed_version")}
    return replace(
        facts, **clean, digests=_items(facts.digests), packages=_items(facts.packages),
        subfunctions=[storable(one, NAME_MAX) for one in facts.subfunctions],
        result=None if result is None else _result(result))


def _result(said: InstallResult) -> InstallResult:
    if said.digests is not None and len(said.digests) > ITEMS_MAX:
        raise InvalidInput(field="result.digests", rule=f"must be at most {ITEMS_MAX}")
    return replace(said, error=storable(said.error, TEXT_MAX),
                   digests=None if said.digests is None else _items(said.digests))


def _another(said: InstallResult, stored: Stored, wanted: Version) -> str:
    """What is wrong with the software that a host says it has installed. What it does not say is believed."""
    version = _version(said.version)
    if said.version and version != wanted.text:
        return f"The host says that it has installed {version or 'no version'}, not {wanted}."
    differs = "" if said.digests is None else difference(stored.contents_of(wanted), said.digests)
    return f"The host says that it has installed other content than that of {wanted}: {differs}." if differs else ""


def _items(found: Mapping[str, str]) -> dict[str, str]:
    return {storable(key, NAME_MAX): storable(value, NAME_MAX) for key, value in found.items()}


def _version(text: str) -> str:
    try:
        return Version.parse(text).text
    except InvalidInput:
        return ""
