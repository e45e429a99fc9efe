# SPDX-License-Identifier: Apache-2.0
"""Runs ``puppet apply`` with the product's modules on this host, and reads Puppet's report of the run."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from flock.core.errors import FlockError
from flock.exec.atomic import replace_file
from flock.exec.process import Completed

MODULES = Path(__file__).resolve().parents[1] / "puppet" / "modules"
ERRORS = frozenset({"err", "crit", "alert", "emerg"})
# Ends the source of a line that a program wrote.
OUTPUT = "/returns"
UNKNOWN = "the software of this host has no such class"
RUN_TIMEOUT_S = 300.0
ERROR_MAX_CHARS = 500
FAILURES_MAX = 50
REPORT_BYTES_MAX = 32 * 1024 * 1024
PRIVATE = 0o600
# Data are searched in this order.
LEVELS = ("local", "secure_host", "host", "secure_system", "system")
# puppet-apply(8), --detailed-exitcodes: 0 nothing to change, 2 changed, 4 failures, 6 both; 1 the catalog is wrong.
RAN = frozenset({0, 2, 4, 6})
Run = Callable[..., Completed]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. ``error``: it failed as a whole; ``failures``: by class, why it was not applied."""

    error: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    resources: int = 0
    changed: int = 0
    duration_ms: int = 0


class _Dumper(yaml.SafeDumper):
    """Quotes every text: Ruby reads ``::/0`` without quotes as a symbol, which hiera refuses."""


def _quoted(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(str, _quoted)


class _Loader(yaml.SafeLoader):
    """Reads Puppet's report, whose objects have tags of Ruby, as plain data."""


def _plain(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Loader.add_multi_constructor("!ruby/", _plain)


def apply(directory: Path, classes: Sequence[str], data: Mapping[str, Mapping[str, Any]], run: Run,
          modules: Path | None = None, *, lacks_none: bool = True,
          clock: Callable[[], float] = time.monotonic) -> Outcome:
    """Apply ``classes`` in their order with hiera ``data`` (by level, see ``LEVELS``); its files are in ``directory``.

    A class that fails, or that the host's release does not have, does not keep the others from being applied.
    ``lacks_none`` False: that a class is not there is no failure, because the conductor may be of a newer release.
    """
    began_s, modules = clock(), modules or MODULES
    known = [name for name in classes if _is_known(name, modules)]
    unknown = {name: UNKNOWN for name in classes if name not in known} if lacks_none else {}
    try:
        _prepare(directory, known, data)
        report = directory / "var/state/last_run_report.yaml"
        report.unlink(missing_ok=True)
        done = run(_command(directory, modules), timeout_s=RUN_TIMEOUT_S, check=False)
        outcome = read_report(report) if done.rc in RAN else Outcome(error=_first_error(done))
    except (FlockError, OSError) as error:
        outcome = Outcome(error=str(error)[:ERROR_MAX_CHARS] or type(error).__name__)
    return Outcome(outcome.error, {**unknown, **outcome.failures}, outcome.resources, outcome.changed,
                   int((clock() - began_s) * 1000))


def read_report(path: Path) -> Outcome:
    """Return what Puppet's report says; an outcome with an error when it cannot be read."""
    try:
        if path.stat().st_size > REPORT_BYTES_MAX:
            return Outcome(error="Puppet's report is too long")
        report = yaml.load(path.read_text(errors="replace"), Loader=_Loader)  # noqa: S506 - a safe loader
        statuses = report["resource_statuses"]
        failures: dict[str, str] = {}
        for name, status in statuses.items():
            if status.get("failed") or status.get("failed_to_restart"):
                failures.setdefault(_class_of(status), f"{name}: {_reason(report, name)}"[:ERROR_MAX_CHARS])
        return Outcome(failures=dict(list(failures.items())[:FAILURES_MAX]), resources=len(statuses),
                       changed=sum(bool(status.get("changed")) for status in statuses.values()))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Outcome(error=f"Puppet's report cannot be read: {type(error).__name__}")


def _is_known(name: str, modules: Path) -> bool:
    module, *parts = name.split("::")
    return (modules / module / "manifests" / "/".join(parts or ["init"])).with_suffix(".pp").is_file()


def _class_of(status: Mapping[str, Any]) -> str:
    """Return the class of a resource: the first part of its path after the stage, which Puppet writes as a title."""
    path = status.get("containment_path") or []
    return str(path[1]).lower() if len(path) > 1 else ""


def _reason(report: Mapping[str, Any], name: str) -> str:
    """Return what the last line of a program's output says, else Puppet's own error, which repeats the command."""
    lines = [line for line in report.get("logs") or [] if name in str(line.get("source"))]
    said = [str(line.get("message")).strip() for line in lines
            if line.get("level") == "notice" and str(line.get("source")).endswith(OUTPUT)]
    error = next((str(line.get("message")) for line in lines if line.get("level") in ERRORS), "failed")
    return next((text for text in reversed(said) if text), error)


def _first_error(done: Completed) -> str:
    """Return the first error of the run itself; Facter's complaints are none."""
    for line in done.err.splitlines():
        if line.startswith("Error: ") and "Facter" not in line:
            return line.removeprefix("Error: ")[:ERROR_MAX_CHARS]
    return f"puppet ended with status {done.rc}: {done.first_error_line()}"[:ERROR_MAX_CHARS]


def _command(directory: Path, modules: Path) -> list[str]:
    var = directory / "var"
    return ["puppet", "apply", "--confdir", str(directory / "conf"), "--vardir", str(var),
            "--publicdir", str(var / "public"), "--logdir", str(var / "log"), "--rundir", str(var / "run"),
            "--modulepath", str(modules), "--hiera_config", str(directory / "hiera.yaml"), "--detailed-exitcodes",
            "--color", "false", "--no-show_diff", str(directory / "site.pp")]


def _prepare(directory: Path, classes: Sequence[str], data: Mapping[str, Mapping[str, Any]]) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for level in LEVELS:
        text = yaml.dump(dict(data.get(level, {})), Dumper=_Dumper, sort_keys=True)
        replace_file(directory / "hieradata" / f"{level}.yaml", text, PRIVATE)
    hierarchy = {"version": 5, "hierarchy": [
        {"name": "flock", "datadir": str(directory / "hieradata"), "paths": [f"{level}.yaml" for level in LEVELS]}]}
    replace_file(directory / "hiera.yaml", yaml.safe_dump(hierarchy), PRIVATE)
    # Puppet applies in the order of the manifest, so one class that fails does not hold up the next.
    replace_file(directory / "site.pp", "".join(f"include {name}\n" for name in classes), PRIVATE)
