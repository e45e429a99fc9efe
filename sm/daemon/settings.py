# SPDX-License-Identifier: Apache-2.0
"""The file /etc/sm/sm.conf (YAML): what a node or a witness needs besides the store; all rules are checked at once."""
from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flock.service import realtime
from sm.catalogue.reader import Reader
from sm.contract.messages import NodeReport
from sm.contract.states import Administrative, Availability, Operational, Policy
from sm.core.paths import WEIGHTS
from sm.core.reachability import TARGETS_MAX, TARGETS_MIN
from sm.core.timing import Timing
from sm.transport.settings import PORT, WITNESS_PORT

FILE = Path("/etc/sm/sm.conf")
NODES_MAX = 2
DEFAULT_NODES = ("controller-0", "controller-1")
PATHS = tuple(WEIGHTS)
"""The paths that there can be. A path of another name in the settings would have no effect."""
PARAMETERS_MAX = 64
VALUE_MAX_CHARS = 1024
WEIGHT_MAX = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class FenceDevice:
    """How a node is switched off: a fence agent. ``parameters`` are written to its standard input as ``key=value``
    lines, beside the action; they are never part of its command line. ``restart``: the node is switched on again when
    it was proven to be off."""

    program: str
    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Witness:
    """The third voter: its name, and its address on each path on which it can be reached."""

    name: str
    addresses: Mapping[str, str]
    port: int = WITNESS_PORT


@dataclass(frozen=True, slots=True)
class Settings:
    """One node. Paths as ``sm-configure interface`` knows them, without ``-interface``: mgmt, oam, cluster-host, admin.

    ``node``: its own name; empty: that of the host. ``nodes``: all controllers; empty: by the system mode. ``targets``:
    by path, addresses that are pinged. ``weights``: by path, what its loss costs a node, where it is not the default.
    ``group``: the group whose members may use the control socket besides root.
    ``ready_files`` must exist, and ``unhealthy_file`` must not, for the node to be ready. ``degraded_file`` exists
    while a group is degraded. ``required``: the file with the nodes that must store each write. ``assumed``: states of
    the node until host maintenance has told others. ``faults``: directory of alarms for sm-alarms; empty: ``faults`` in
    that of the journal.
    ``stop_s``: how long ``--stop-services`` waits. ``reboot``: the command that reboots the node.
    ``realtime_priority``: 1 to 99, before all programs without one; 0: none.
    """

    node: str = ""
    nodes: tuple[str, ...] = ()
    policy: Policy = Policy.FREEZE
    witness: Witness | None = None
    timing: Timing = Timing()
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    fencing: Mapping[str, FenceDevice] = field(default_factory=dict)
    watchdog: str = ""
    store: str = "/var/lib/flock/sm/sm.db"
    site: str = "/etc/flock/sm/site.yaml"
    key: str = "/etc/flock/sm.key"
    required: str = "/var/lib/flock/sm/required.json"
    journal: str = "/var/lib/sm"
    faults: str = ""
    runtime: str = "/run/sm"
    group: str = ""
    ready_files: tuple[str, ...] = ("/etc/platform/.initial_config_complete", "/run/goenabled")
    unhealthy_file: str = "/run/.sm_node_unhealthy"
    degraded_file: str = "/run/.sm_degraded"
    assumed: NodeReport = NodeReport(Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE)
    timeout_extension_s: int = 0
    stop_s: int = 60
    realtime_priority: int = 1
    reboot: tuple[str, ...] = ("/usr/bin/systemctl", "reboot")

    @property
    def name(self) -> str:
        """The name of this node."""
        return self.node or socket.gethostname().partition(".")[0]


@dataclass(frozen=True, slots=True)
class WitnessPath:
    """One path of a witness: its own device and address, and those of the nodes by name."""

    device: str
    address: str
    nodes: Mapping[str, str]
    port: int = WITNESS_PORT
    node_port: int = PORT


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """A witness. ``timing`` and ``policy`` must be those of the nodes."""

    name: str
    nodes: tuple[str, ...]
    paths: Mapping[str, WitnessPath]
    policy: Policy = Policy.FREEZE
    timing: Timing = Timing()
    store: str = "/var/lib/sm-witness/witness.db"
    key: str = "/etc/flock/sm.key"
    realtime_priority: int = 1


def read(path: Path) -> Settings:
    """The settings of a node; the defaults where there is no file. CatalogueRefused lists every broken rule."""
    reader = Reader()
    return reader.settings(Settings, reader.document(path) if path.exists() else {}, path.name, _broken)


def read_witness(path: Path) -> WitnessSettings:
    """The settings of a witness. CatalogueRefused lists every broken rule."""
    reader = Reader()
    return reader.settings(WitnessSettings, reader.document(path), path.name, _broken_as_witness)


def _broken_as_witness(found: WitnessSettings) -> list[tuple[str, str]]:
    wrong = []
    if len(found.nodes) != NODES_MAX or len(set(found.nodes)) != NODES_MAX or found.name in found.nodes:
        wrong.append(("nodes", f"must be {NODES_MAX} different names, none of them the witness's"))
    return wrong + [("name", f"{name!r} must be a host name") for name in (found.name, *found.nodes)
                    if not _NAME.match(name)]


def _broken(found: Settings) -> list[tuple[str, str]]:
    wrong = []
    if len(found.nodes) > NODES_MAX or len(set(found.nodes)) < len(found.nodes):
        wrong.append(("nodes", f"must be at most {NODES_MAX} different names"))
    wrong += [("nodes", f"{name!r} must be a host name") for name in (*found.nodes, found.name)
              if not _NAME.match(name)]
    if found.nodes and found.name not in found.nodes:
        wrong.append(("nodes", f"must contain this node, {found.name}"))
    if found.witness is not None:
        wrong += _broken_witness(found, found.witness)
    wrong += _broken_fencing(found)
    wrong += _broken_paths(found)
    for name in ("store", "site", "key", "required", "journal", "runtime", "unhealthy_file", "degraded_file"):
        if not getattr(found, name).startswith("/"):
            wrong.append((name, "must be an absolute path"))
    if found.watchdog and not found.watchdog.startswith("/"):
        wrong.append(("watchdog", "must be an absolute path, or empty"))
    if not found.reboot or not found.reboot[0].startswith("/"):
        wrong.append(("reboot", "must begin with the absolute path of a program"))
    if not 1 <= found.stop_s <= 3_600:
        wrong.append(("stop_s", "must be a number from 1 to 3600"))
    if not 0 <= found.realtime_priority <= realtime.PRIORITY_MAX:
        wrong.append(("realtime_priority", f"must be a number from 0 to {realtime.PRIORITY_MAX}"))
    if not 0 <= found.timeout_extension_s <= 600:
        wrong.append(("timeout_extension_s", "must be a number from 0 to 600"))
    wrong += [(f"weights.{path}", f"must be a number from 0 to {WEIGHT_MAX}") for path, weight in found.weights.items()
              if not 0 <= weight <= WEIGHT_MAX]
    return wrong


def _broken_fencing(found: Settings) -> list[tuple[str, str]]:
    wrong = []
    others = [node for node in found.nodes or DEFAULT_NODES if node != found.name]
    for node, device in found.fencing.items():
        if node not in others:
            wrong.append((f"fencing.{node}", f"must be another controller: {' or '.join(others) or 'there is none'}"))
        wrong += _broken_device(f"fencing.{node}", device)
    return wrong


def _broken_paths(found: Settings) -> list[tuple[str, str]]:
    """Unknown paths, and targets that the transport would refuse when the daemon starts."""
    named = {"targets": found.targets, "weights": found.weights,
             "witness.addresses": found.witness.addresses if found.witness is not None else {}}
    wrong = [(f"{place}.{path}", f"must be one of {', '.join(PATHS)}") for place, paths in named.items()
             for path in paths if path not in PATHS]
    for path, targets in found.targets.items():
        if targets and not TARGETS_MIN <= len(set(targets)) == len(targets) <= TARGETS_MAX:
            wrong.append((f"targets.{path}", f"must be none, or {TARGETS_MIN} to {TARGETS_MAX} different ones"))
        wrong += [(f"targets.{path}", f"{target!r} must be an IP address") for target in targets
                  if not _is_address(target)]
    return wrong


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _broken_witness(found: Settings, witness: Witness) -> list[tuple[str, str]]:
    wrong = []
    if not _NAME.match(witness.name) or witness.name in (found.name, *found.nodes):
        wrong.append(("witness.name", "must be a host name, and not that of a node"))
    if not witness.addresses:
        wrong.append(("witness.addresses", "must name an address on one path at least"))
    wrong += [(f"witness.addresses.{path}", "must be an IP address") for path, address in witness.addresses.items()
              if not _is_address(address)]
    return wrong


def _broken_device(place: str, device: FenceDevice) -> list[tuple[str, str]]:
    wrong = []
    if not device.program.startswith("/") or "/../" in device.program:
        wrong.append((f"{place}.program", "must be an absolute path without .."))
    if any("\0" in argument for argument in device.arguments):
        wrong.append((f"{place}.arguments", "must not hold null characters"))
    if len(device.parameters) > PARAMETERS_MAX:
        wrong.append((f"{place}.parameters", f"at most {PARAMETERS_MAX}"))
    for name, value in device.parameters.items():
        if not _WORD.match(name) or name == "action":
            wrong.append((f"{place}.parameters.{name}", "must be a word of the agent, and not 'action'"))
        if len(value) > VALUE_MAX_CHARS or not value.isprintable():
            wrong.append((f"{place}.parameters.{name}", f"must be one line of at most {VALUE_MAX_CHARS} characters"))
    return wrong
