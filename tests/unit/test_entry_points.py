# SPDX-License-Identifier: Apache-2.0
"""The list of subsystems stands in setup.cfg once; everything that follows from it is generated, or held to it here."""
from __future__ import annotations

import importlib
import re

import pytest

from flock.cli.scan import commands
from tests.registry import (
    COMMAND,
    PACKAGES,
    ROOT,
    SUBSYSTEMS,
    entry_points,
    plugin_resources,
    plugins,
    pyproject,
    setup_cfg,
)

WITH_DATABASE = [name for name in SUBSYSTEMS if f"{name}-dbsync" in entry_points("console_scripts")]


@pytest.mark.parametrize(("name", "made"), [("setup.cfg", setup_cfg), ("pyproject.toml", pyproject)])
def test_generated_parts_are_as_generated(name: str, made: object) -> None:
    text = (ROOT / name).read_text()
    assert callable(made) and made(text) == text, f"run {COMMAND}"


def test_generated_parts_follow_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "setup.cfg").read_text()
    assert "openstack.platform.v1 =" in text and "openstack.fault.v1 =" in text
    crippled = text.replace("    platform_host_cpu_list = sysinv.resources.cpu.cli:CpuList\n", "").replace(
        "    mtce\n", "").replace("flock,fm,", "flock,")
    assert crippled != text and setup_cfg(crippled) == text
    rules = (ROOT / "pyproject.toml").read_text()
    assert pyproject(rules.replace('"mtce.db", ', "").replace('"sysinv", ', "")) != rules.replace('"mtce.db", ', "")
    assert pyproject(re.sub(r'name = "mtce sees of.*?\n\]\nforbidden_modules', "forbidden_modules", rules, flags=re.S)
                     ) == rules


def test_subsystems_have_the_same_rooms() -> None:
    for name in SUBSYSTEMS:
        own = ["db"] if name in WITH_DATABASE else []
        for room in ("api", "client", "cmd", "conf", "contract", "resources", *own):
            assert (ROOT / name / room / "__init__.py").is_file(), f"{name}.{room}"
        assert entry_points("flock.subsystems")[name] == name


def test_lists_of_other_languages_name_every_subsystem() -> None:
    """The bootstrap, which runs before entry points can be trusted, and pages and scripts that are written by hand."""
    for place, variable, names in (("steps", "SUBSYSTEMS", WITH_DATABASE), ("secrets", "SERVICE_USERS", SUBSYSTEMS)):
        text = (ROOT / f"sysinv/bootstrap/{place}.py").read_text()
        listed = re.search(rf"^{variable} = \((.*)\)$", text, re.M)
        assert listed is not None and set(re.findall(r"\w+", listed[1])) == set(names), place
    reference = (ROOT / "doc/source/reference/rest.rst").read_text()
    prepare = (ROOT / "devstack/prepare.sh").read_text()
    for name in SUBSYSTEMS:
        assert f".. flock-routes:: {name}\n" in reference
    for name in PACKAGES:
        assert re.search(rf"tar -c .*\b{name}\b", prepare), f"devstack/prepare.sh does not install {name}"


def test_plugin_commands_begin_with_the_name_of_their_api_or_with_the_word_they_share() -> None:
    seen: set[str] = set()
    for api, module in plugins().items():
        published = commands(plugin_resources(module), "OSC_COMMANDS")
        word = getattr(importlib.import_module(module), "FIRST_WORD", api)
        assert published and {name.split()[0] for name in published} == {word}
        assert not seen & set(published), "two plug-ins have the same command"
        seen |= set(published)


def test_software_management_has_the_commands_of_the_openstack_client() -> None:
    for module, words in (("patching.client.osc", """release list, release show, release upload, release delete,
        release commit, deploy show, deploy precheck, deploy start, deploy host, deploy activate, deploy complete,
        deploy abort, deploy rollback, deploy delete, deploy host list, deploy host rollback"""),
                          ("patching.vim.client.osc", """strategy create, strategy show, strategy apply, strategy abort,
        strategy delete, strategy pause, strategy resume""")):
        published = commands(plugin_resources(module), "OSC_COMMANDS")
        assert set(published) == {f"platform {' '.join(name.split())}" for name in words.split(",")}
        assert {factory.api_name for factory in published.values()} == {importlib.import_module(module).API_NAME}


@pytest.mark.parametrize("group", ["console_scripts"])
def test_every_script_exists(group: str) -> None:
    missing = []
    for name, target in entry_points(group).items():
        module, _, function = target.partition(":")
        if not (ROOT / (module.replace(".", "/") + ".py")).is_file() or function != "main":
            missing.append(f"{name} = {target}")
    assert not missing


def test_every_module_with_options_is_known_to_the_sample_generator() -> None:
    published = {path for package in PACKAGES for path in (ROOT / package).rglob("*.py")
                 if "def list_opts(" in path.read_text()}
    registered = entry_points("oslo.config.opts")
    modules = {target.removesuffix(":list_opts") for target in registered.values()}
    assert modules == {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in published}
    for module in modules:
        groups = importlib.import_module(module).list_opts()
        assert groups and all(group and options for group, options in groups)
