# SPDX-License-Identifier: Apache-2.0
"""setup.cfg names every command that the slices publish for the OpenStack client, and nothing else."""
from __future__ import annotations

import configparser
import importlib
from pathlib import Path

import pytest

from flock.cli.scan import commands

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = {"platform": ("sysinv.client.osc", "sysinv.resources"), "fault": ("fm.client.osc", "fm.resources")}


def entry_points(group: str) -> dict[str, str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "setup.cfg")
    text = parser.get("entry_points", group, fallback="")
    pairs = (line.partition("=") for line in text.splitlines() if line.strip())
    return {name.strip(): target.strip() for name, _, target in pairs}


def test_the_plugins_are_registered() -> None:
    assert entry_points("openstack.cli.extension") == {name: module for name, (module, _) in PLUGINS.items()}


@pytest.mark.parametrize("api_name", sorted(PLUGINS))
def test_every_command_is_registered(api_name: str) -> None:
    module, resources = PLUGINS[api_name]
    plugin = importlib.import_module(module)
    published = commands(resources, "OSC_COMMANDS")
    expected = {name.replace(" ", "_"): f"{factory.__module__}:{factory.__name__}"
                for name, factory in published.items()}
    assert entry_points(f"openstack.{api_name}.v{plugin.DEFAULT_API_VERSION}") == expected
    assert {name.split()[0] for name in published} <= {plugin.API_NAME}


@pytest.mark.parametrize("group", ["console_scripts"])
def test_every_script_exists(group: str) -> None:
    missing = []
    for name, target in entry_points(group).items():
        module, _, function = target.partition(":")
        if not (ROOT / (module.replace(".", "/") + ".py")).is_file() or function != "main":
            missing.append(f"{name} = {target}")
    assert not missing


def test_every_module_with_options_is_known_to_the_sample_generator() -> None:
    published = {path for package in ("flock", "fm", "sysinv", "mtce") for path in (ROOT / package).rglob("*.py")
                 if "def list_opts(" in path.read_text()}
    registered = entry_points("oslo.config.opts")
    modules = {target.removesuffix(":list_opts") for target in registered.values()}
    assert modules == {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in published}
    for module in modules:
        groups = importlib.import_module(module).list_opts()
        assert groups and all(group and options for group, options in groups)
