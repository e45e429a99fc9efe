# SPDX-License-Identifier: Apache-2.0
"""One story for every back end, with the real tools: install, upgrade, add, return, fail."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from patching.backends import plan
from patching.backends.formats import FORMATS, load, of_files
from patching.backends.interface import Backend, BackendFailed, Item, Target
from tests.unit.patching.backends import packages

Make = Callable[[Path, str, str], Path]
MAKERS: dict[str, Make] = {"fake": packages.fake, "deb": packages.deb, "rpm": packages.rpm}


def ready(name: str) -> None:
    if name != "fake":
        packages.need(*FORMATS[name].capabilities.programs, *(["rpmbuild"] if name == "rpm" else []))
    if name == "rpm" and os.geteuid() != 0:
        pytest.skip("dnf works for root only")


@pytest.fixture(params=list(MAKERS))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    ready(name)
    return name


class Shelf:
    """Package files of one back end, each release in a directory of its own."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.form, self.folder = FORMATS[kind], folder
        self.make = MAKERS[kind]
        self.items: list[Item] = []

    def release(self, number: int, **versions: str) -> dict[str, Item]:
        place = self.folder / f"release-{number}"
        place.mkdir()
        made = [self.form.describe(self.make(place, name, version)) for name, version in versions.items()]
        if self.form.index is not None:
            self.form.index(place)
        self.items += made
        return {item.name: item for item in made}


def go(host: Backend, target: Target, in_service: bool = True) -> bool:
    return host.apply(plan.plan(host.current(), target, host.compare), target.at_hand, in_service)


def short(versions: dict[str, str]) -> dict[str, str]:
    """Without epoch and release number."""
    return {name: version.removeprefix("0:").removesuffix("-1") for name, version in versions.items()}


def test_packages_are_installed_upgraded_and_given_back(kind: str, tmp_path: Path) -> None:
    host = load([kind], tmp_path / "root", 60.0)[kind]
    (tmp_path / "root").mkdir()
    shelf = Shelf(kind, tmp_path)
    base, patch = shelf.release(0, tool="1.0"), shelf.release(1, tool="1.1", extra="2.0")
    assert host.current() == {}
    assert go(host, Target(base, {}, tuple(shelf.items))) is False
    assert short(host.current()) == {"tool": "1.0"}
    target = Target(patch, {}, tuple(shelf.items))
    assert go(host, target, in_service=False) is True, "who does not install in service must boot"
    assert short(host.current()) == {"tool": "1.1", "extra": "2.0"}
    assert plan.difference(host.current(), target) == ""
    if kind != "fake":
        assert (tmp_path / "root/opt/tool/version").read_text() == "1.1"
    go(host, Target({}, {"tool": base["tool"].version, "extra": ""}, tuple(shelf.items)))
    assert short(host.current()) == {"tool": "1.0"}
    if kind != "fake":
        assert (tmp_path / "root/opt/tool/version").read_text() == "1.0"
        assert not (tmp_path / "root/opt/extra/version").exists()


def test_versions_are_compared_by_the_rules_of_their_tool(kind: str, tmp_path: Path) -> None:
    host = load([kind], tmp_path, 60.0)[kind]
    assert [host.compare("1.9", "1.10"), host.compare("1.10", "1.9"), host.compare("1.2", "1.2")] == [-1, 1, 0]
    if kind != "fake":
        assert host.compare("1.0~rc1", "1.0") == -1
        assert host.compare("1:0.1", "9.9") == 1


def test_a_file_that_is_no_package_is_named(kind: str, tmp_path: Path) -> None:
    wrong = tmp_path / f"wrong{FORMATS[kind].suffix}"
    wrong.write_bytes(b"\0no package")
    with pytest.raises(BackendFailed):
        FORMATS[kind].describe(wrong)


def test_a_deb_whose_script_fails_leaves_a_reason_and_can_be_taken_back(tmp_path: Path) -> None:
    ready("deb")
    need_root("dpkg")
    shelf = Shelf("deb", tmp_path)
    base = shelf.release(0, tool="1.0")
    host = load(["deb"], tmp_path / "root", 60.0)["deb"]
    (tmp_path / "root").mkdir()
    go(host, Target(base, {}, tuple(shelf.items)))
    broken = FORMATS["deb"].describe(packages.deb(tmp_path, "tool", "1.1", preinst="#!/bin/sh\nexit 3\n"))
    ops = plan.plan(host.current(), Target({"tool": broken}), host.compare)
    with pytest.raises(BackendFailed, match="dpkg has failed: .*tool"):
        host.apply(ops, (), True)
    go(host, plan.back(ops, tuple(shelf.items)))
    assert host.current() == {"tool": "1.0"}


def test_what_a_killed_dpkg_has_left_is_installed_again(tmp_path: Path) -> None:
    ready("deb")
    shelf = Shelf("deb", tmp_path)
    base = shelf.release(0, tool="1.0")
    host = load(["deb"], tmp_path / "root", 60.0)["deb"]
    (tmp_path / "root").mkdir()
    go(host, Target(base))
    status = tmp_path / "root/var/lib/dpkg/status"
    status.write_text(status.read_text().replace("install ok installed", "install reinstreq half-installed"))
    assert host.current() == {}
    go(host, Target(base))
    assert host.current() == {"tool": "1.0"}


def test_an_rpm_transaction_that_lacks_something_changes_nothing(tmp_path: Path) -> None:
    ready("rpm")
    shelf = Shelf("rpm", tmp_path)
    base = shelf.release(0, tool="1.0")
    host = load(["rpm"], tmp_path / "root", 60.0)["rpm"]
    (tmp_path / "root").mkdir()
    go(host, Target(base, {}, tuple(shelf.items)))
    place = tmp_path / "release-1"
    place.mkdir()
    items = [FORMATS["rpm"].describe(packages.rpm(place, "tool", "1.1")),
             FORMATS["rpm"].describe(packages.rpm(place, "needy", "1", requires="nobody-has-this"))]
    FORMATS["rpm"].index(place)  # type: ignore[misc]
    with pytest.raises(BackendFailed, match="nobody-has-this"):
        go(host, Target({item.name: item for item in items}, {}, (*shelf.items, *items)))
    assert short(host.current()) == {"tool": "1.0"}


def test_an_rpm_that_no_repository_has_is_an_error_although_dnf_ends_well(tmp_path: Path) -> None:
    ready("rpm")
    shelf = Shelf("rpm", tmp_path)
    base = shelf.release(0, tool="1.0")
    host = load(["rpm"], tmp_path / "root", 60.0)["rpm"]
    (tmp_path / "root").mkdir()
    ghost = Item("ghost", "0:1-1", tmp_path / "release-0/ghost.rpm")
    with pytest.raises(BackendFailed, match="ghost"):
        go(host, Target({**base, "ghost": ghost}, {}, tuple(shelf.items)))


@pytest.mark.parametrize("name", ["a b", "a;b", '")}%{'])
def test_names_that_dnf_would_read_as_orders_are_refused(name: str, tmp_path: Path) -> None:
    ready("rpm")
    host = load(["rpm"], tmp_path, 60.0)["rpm"]
    with pytest.raises(BackendFailed, match="is no name and version"):
        go(host, Target({name: Item(name, "0:1-1", tmp_path / "x.rpm")}))
    with pytest.raises(BackendFailed, match="is no version"):
        host.compare(name, "1")


def test_one_release_has_one_kind_of_files() -> None:
    assert of_files(["a.deb", "previous/b.deb"], "x") == "deb"
    for names in (["a.deb", "b.rpm"], ["a.txt"], []):
        with pytest.raises(BackendFailed, match="x must hold package files of one kind"):
            of_files(names, "x")
