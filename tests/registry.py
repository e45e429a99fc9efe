# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.registry``: writes what follows from the list of subsystems into setup.cfg and pyproject.toml.

The list is the group ``flock.subsystems`` of setup.cfg. From it and from the directories follow: packages, what mypy
and the import linter look at, the import rules that all subsystems share, and the commands of the OpenStack client.
"""
from __future__ import annotations

import configparser
import importlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from flock.cli.scan import commands

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python -m tests.registry"
# Packages that are no subsystem: the names that StarlingX's services import.
NAMES_FOR_OTHERS = ("fm_api",)
# What a subsystem shows to others.
SHOWN = ("client", "contract", "raiser")
_OTHER_SERVICES = ("flock.rpc.proxy", "flock.rpc.bus", "flock.rpc.server", "flock.db", "flock.auth", "flock.api",
                   "oslo_messaging", "sqlalchemy", "pecan")
_KERNEL_HIDDEN = ("db", "api", "auth", "service", "conf", "jobs", "exec", "cli")


def entry_points(group: str) -> dict[str, str]:
    """One group of setup.cfg, which is newer than what is installed."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "setup.cfg")
    pairs = (line.partition("=") for line in parser.get("entry_points", group, fallback="").splitlines()
             if line.strip())
    return {name.strip(): target.strip() for name, _, target in pairs}


SUBSYSTEMS = tuple(entry_points("flock.subsystems"))
# What of service management may use bus and web: its API, and what passes alarms on. The rest works without both.
SM_WEB, SM_WEB_PROGRAMS = ("alarms", "api", "cmd", "conf", "resources"), ("alarms", "api", "smc")
PACKAGES = ("flock", *SUBSYSTEMS, *NAMES_FOR_OTHERS)


def rooms(subsystem: str, but: Iterable[str] = ()) -> list[str]:
    """The packages right below a subsystem."""
    return [f"{subsystem}.{path.parent.name}" for path in sorted((ROOT / subsystem).glob("*/__init__.py"))
            if path.parent.name not in but]


def plugins() -> dict[str, str]:
    """Name of the OpenStack client's API to the plug-in module, of the subsystems and their parts that have one."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for name in SUBSYSTEMS
               for path in (ROOT / name).rglob("client/osc.py")]
    return {importlib.import_module(module).API_NAME: module for module in sorted(modules)}


def plugin_resources(module: str) -> str:
    """The package of the resources whose commands a plug-in module serves."""
    return f"{module.removesuffix('.client.osc')}.resources"


def _entries(group: str, pairs: dict[str, str]) -> str:
    return "".join([f"{group} =\n", *(f"    {name} = {pairs[name]}\n" for name in sorted(pairs))])


def setup_cfg(text: str) -> str:
    """setup.cfg with its generated parts as they should be."""
    text = re.sub(r"(?<=^packages =\n)(    \w+\n)+", "".join(f"    {name}\n" for name in PACKAGES), text, flags=re.M)
    text = re.sub(r"^files = .*$", f"files = {','.join(PACKAGES)},devstack/virtualcloud", text, flags=re.M)
    groups = [_entries("openstack.cli.extension", plugins())]
    for api, module in plugins().items():
        published = commands(plugin_resources(module), "OSC_COMMANDS")
        groups.append(_entries(f"openstack.{api}.v{importlib.import_module(module).DEFAULT_API_VERSION}", {
            name.replace(" ", "_"): f"{factory.__module__}:{factory.__name__}" for name, factory in published.items()}))
    return re.sub(r"^openstack\.cli\.extension =\n(?:.+\n)*", "".join(groups), text, flags=re.M)


def _list(name: str, values: Iterable[str]) -> str:
    lines, line = [], "   "
    for value in values:
        if len(line) + len(value) + 4 > 118:
            lines.append(line)
            line = "   "
        line += f' "{value}",'
    return "\n".join([f"{name} = [", *lines, line, "]\n"])


def _contract(name: str, sources: Iterable[str], forbidden: Iterable[str]) -> str:
    return "\n".join(["[[tool.importlinter.contracts]]", f'name = "{name}"', 'type = "forbidden"',
                      _list("source_modules", sources) + _list("forbidden_modules", forbidden)])


def _sm_alone() -> list[str]:
    """Rooms and programs of service management but those of its API."""
    programs = sorted(path.stem for path in (ROOT / "sm/cmd").glob("*.py")
                      if path.stem not in ("__init__", *SM_WEB_PROGRAMS))
    return [*rooms("sm", SM_WEB), *(f"sm.cmd.{name}" for name in programs)]


def pyproject(text: str) -> str:
    """pyproject.toml with its generated parts as they should be."""
    text = re.sub(r"^root_packages = (\[[^\]]*\]\n)", _list("root_packages", PACKAGES), text, flags=re.M)
    contracts = [
        _contract("the kernel knows no subsystem", ["flock"], SUBSYSTEMS),
        _contract("contracts are leaves", [f"{name}.contract" for name in SUBSYSTEMS], [
            *(f"flock.{room}" for room in _KERNEL_HIDDEN),
            *(room for name in SUBSYSTEMS for room in rooms(name, ["contract"]))]),
        _contract("nobody here leans on the names kept for others", ["flock", *SUBSYSTEMS], NAMES_FOR_OTHERS),
        *(_contract(f"{name} sees of the others client, contract and the raiser", [name], [
            room for other in SUBSYSTEMS if other != name for room in rooms(other, SHOWN)]) for name in SUBSYSTEMS),
        _contract("service management leans on no other service, but for API and alarms", _sm_alone(), _OTHER_SERVICES)]
    begin, end = f"# {COMMAND} writes from here\n", "# to here.\n"
    return re.sub(rf"(?<={re.escape(begin)}).*(?={re.escape(end)})", lambda _: "\n".join(contracts), text, flags=re.S)


def main() -> None:
    """Write both files."""
    for name, made in (("setup.cfg", setup_cfg), ("pyproject.toml", pyproject)):
        path = ROOT / name
        path.write_text(made(path.read_text()))


if __name__ == "__main__":
    main()
