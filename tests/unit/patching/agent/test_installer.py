# SPDX-License-Identifier: Apache-2.0
"""One order on one host: installed, taken back, refused, interrupted, repeated."""
from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from flock.core.records import replace
from flock.testing.privileges import need_root
from patching.agent import flags
from patching.contract.records import Content
from tests.unit.patching.agent.hosts import Host
from tests.unit.patching.backends import packages
from tests.unit.patching.content import releases


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.has({"tool": "1.0", "kernel": "6"})
    return made


def patch(host: Host, version: str = "10.0.1", status: int = 0, **software: str) -> Content:
    """A patch of ``tool`` with all scripts; ``status``: of the restart script."""
    return host.feed.release(version, software or {"tool": "1.1", "extra": "1.0"}, previous={"tool": "1.0"}, members={
        "pre-install.sh": host.say(), "post-install.sh": host.say(), "restart-tool": host.say(status)})


def test_a_patch_is_installed_in_service(host: Host) -> None:
    content, told = patch(host), []
    result = host.install(host.order("10.0.1", [content]), told)
    assert (result.error, result.version, result.needs_reboot) == ("", "10.0.1", False)
    assert host.packages == {"tool": "1.1", "extra": "1.0", "kernel": "6"}
    assert host.said() == ["pre-install.sh before-reboot starlingx-10.0.1 apply",
                           "post-install.sh before-reboot starlingx-10.0.1 apply",
                           "restart-tool  starlingx-10.0.1 apply"]
    assert [percent for percent, _ in told] == sorted(percent for percent, _ in told)
    assert told[-1] == (100, "done")
    memory = host.book.memory
    assert (memory.version, memory.running, memory.contents, memory.order) == ("10.0.1", "10.0.1", [content], None)
    assert memory.origins == {"fake": {"tool": "1.0", "extra": ""}}
    assert host.installer.touched() == {"tool": "1.1", "extra": "1.0"}
    assert not [name for name in (flags.INSTALLING, flags.FAILED, flags.PATCHED) if (host.root / name).exists()]


def test_what_a_release_brought_is_given_back(host: Host) -> None:
    content = patch(host)
    host.install(host.order("10.0.1", [content]))
    result = host.install(host.order("10.0.0", [], is_rollback=True))
    assert (result.error, result.version) == ("", "10.0.0")
    assert host.packages == {"tool": "1.0", "kernel": "6"}
    assert host.said()[-2:] == ["pre-install.sh before-reboot starlingx-10.0.1 remove",
                                "post-install.sh before-reboot starlingx-10.0.1 remove"]
    assert host.book.memory.origins == {}
    assert host.book.memory.contents == []


def test_releases_add_up_and_the_last_one_counts(host: Host) -> None:
    first, second = patch(host), host.feed.release("10.0.2", {"tool": "1.2"})
    host.install(host.order("10.0.2", [first, second]))
    assert host.packages == {"tool": "1.2", "extra": "1.0", "kernel": "6"}
    host.install(host.order("10.0.1", [first]))
    assert host.packages == {"tool": "1.1", "extra": "1.0", "kernel": "6"}


def test_the_base_release_serves_when_a_patch_holds_no_earlier_version(host: Host) -> None:
    base = host.feed.release("10.0.0", {"tool": "1.0"})
    content = host.feed.release("10.0.1", {"tool": "1.1"})
    host.install(host.order("10.0.1", [base, content]))
    assert host.install(host.order("10.0.0", [base])).error == ""
    assert host.packages["tool"] == "1.0"


def test_an_earlier_version_that_nobody_holds_is_told(host: Host) -> None:
    content = host.feed.release("10.0.1", {"tool": "1.1"})
    host.install(host.order("10.0.1", [content]))
    result = host.install(host.order("10.0.0", []))
    assert "tool must return to 1.0, but no release holds that version" in result.error
    assert host.packages["tool"] == "1.1"


def test_a_reboot_is_asked_for_and_restart_scripts_are_left_to_it(host: Host) -> None:
    content = patch(host)
    result = host.install(host.order("10.0.1", [content], reboot_required=True))
    assert (result.error, result.needs_reboot) == ("", True)
    assert (host.root / flags.PATCHED_REBOOT).exists()
    assert [line.split()[0] for line in host.said()] == ["pre-install.sh", "post-install.sh"]
    memory = host.book.memory
    assert (memory.version, memory.running, memory.after_boot) == ("10.0.1", "", ["starlingx-10.0.1"])


def test_hooks_wait_for_the_boot(host: Host) -> None:
    host.install(host.order("10.0.1", [patch(host)], reboot_required=True))
    host.restart()
    host.installer.after_boot(time.monotonic() + 60)
    assert host.said()[-1] == "post-install.sh after-reboot starlingx-10.0.1 apply"
    assert host.book.memory.after_boot == []


def test_what_fails_is_taken_back_and_a_retry_succeeds(host: Host) -> None:
    content = patch(host, tool="1.1", aaa="1.0", zzz="1.0")
    host.fault("fail", "zzz")
    result = host.install(host.order("10.0.1", [content]))
    assert result.error == "zzz cannot be changed: it was told to fail. It was taken back."
    assert host.packages == {"tool": "1.0", "kernel": "6"}
    assert (host.root / flags.FAILED).exists()
    assert host.book.memory.version == ""
    (host.root / "var/lib/fake-packages/fail").unlink()
    assert host.install(host.order("10.0.1", [content], attempt=2)).error == ""
    assert host.packages == {"tool": "1.1", "aaa": "1.0", "zzz": "1.0", "kernel": "6"}
    assert not (host.root / flags.FAILED).exists()


def test_what_can_not_even_be_taken_back_is_told(host: Host) -> None:
    content = host.feed.release("10.0.1", {"tool": "1.1", "zzz": "1.0"})
    host.fault("fail", "zzz")
    result = host.install(host.order("10.0.1", [content]))
    assert "told to fail. It could not be taken back: tool must return to 1.0" in result.error


def test_a_restart_script_that_fails_fails_the_installation_and_runs_again(host: Host) -> None:
    content = patch(host, status=3)
    result = host.install(host.order("10.0.1", [content]))
    assert result.error == "Restart scripts have failed: restart-tool (status 3)."
    assert host.packages["tool"] == "1.1"
    host.install(host.order("10.0.1", [content], attempt=2))
    assert [line.split()[0] for line in host.said()].count("restart-tool") == 2
    assert host.install(host.order("10.0.0", [], is_rollback=True)).error == ""
    assert host.packages == {"tool": "1.0", "kernel": "6"}


def test_packages_drop_restart_scripts_that_agree_by_flags(host: Host) -> None:
    once = '#!/bin/sh\n[ -e "$PATCH_FLAGDIR/done" ] && exit 0\ntouch "$PATCH_FLAGDIR/done"\n' + host.say()[10:]
    for name in ("20-second", "10-first"):
        host.put(f"run/patching/patch-scripts/{name}", once).chmod(0o755)
    host.put("run/patching/patch-scripts/30-no-program", once).chmod(0o644)
    host.install(host.order("10.0.1", [host.feed.release("10.0.1", {"tool": "1.1"})]))
    assert [line.split()[0] for line in host.said()] == ["10-first"]
    assert not (host.root / "run/patching/patch-scripts").exists()


def test_a_hook_that_fails_stops_before_any_package(host: Host) -> None:
    content = host.feed.release("10.0.1", {"tool": "1.1"}, members={"pre-install.sh": "#!/bin/sh\necho no >&2; exit 1"})
    result = host.install(host.order("10.0.1", [content]))
    assert result.error == "pre-install.sh before-reboot of starlingx-10.0.1 has failed: status 1: no"
    assert host.packages["tool"] == "1.0"


def test_scripts_end_with_the_time_of_the_order(host: Host) -> None:
    content = host.feed.release("10.0.1", {"tool": "1.1"}, members={"pre-install.sh": "#!/bin/sh\nsleep 60"})
    assert "was killed after" in host.install(host.order("10.0.1", [content], timeout_s=1)).error


def test_content_that_lies_is_refused(host: Host) -> None:
    content = replace(patch(host), digest="1" * 64)
    assert "has the digest" in host.install(host.order("10.0.1", [content])).error
    assert host.packages["tool"] == "1.0"


def test_content_for_another_technology_is_refused(host: Host) -> None:
    content = replace(patch(host), backend="ostree")
    assert host.install(host.order("10.0.1", [content])).error == (
        "starlingx-10.0.1 is made for ostree, but this host has fake.")


def test_a_newer_order_ends_an_installation_between_its_steps(host: Host) -> None:
    ended = threading.Event()
    ended.set()
    result = host.install(host.order("10.0.1", [patch(host)]), ended=ended)
    assert "The installation was ended" in result.error
    assert host.packages["tool"] == "1.0"


def test_a_kill_in_the_middle_loses_no_origin(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after it has changed the first of two packages."""
    content = patch(host, tool="1.1", aaa="1.0")

    def dies(*_args: object) -> bool:
        host.has({"tool": "1.0", "kernel": "6", "aaa": "1.0"})
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(host.backends["fake"], "apply", dies)
        with pytest.raises(SystemExit):
            host.install(host.order("10.0.1", [content]))
    host.restart()
    assert host.book.memory.order is not None
    assert host.book.memory.origins == {"fake": {"aaa": "", "tool": "1.0"}}
    assert host.install(host.order("10.0.1", [content], attempt=2)).error == ""
    assert host.install(host.order("10.0.0", [], is_rollback=True)).error == ""
    assert host.packages == {"tool": "1.0", "kernel": "6"}


def test_cleaning_up_keeps_what_is_installed(host: Host) -> None:
    first, second = patch(host), host.feed.release("10.0.2", {"tool": "1.2"})
    host.install(host.order("10.0.2", [first, second]))
    host.install(host.order("10.0.1", [first]))
    host.installer.clean_up(frozenset())
    assert host.store.held(first) is not None and host.store.held(second) is None


def test_a_tree_is_given_back_without_any_file_of_it(tmp_path: Path) -> None:
    packages.need("ostree")
    need_root("ostree")
    trees = packages.Trees(tmp_path)
    commits = [trees.commit(version) for version in ("10.0.0", "10.0.1")]
    trees.system(tmp_path / "root", commits[0], trees.delta(commits[0], "", tmp_path))
    host = Host(tmp_path, ("ostree",))
    patch = releases.unpacked(tmp_path, "10.0.1", {}, reboot_required=True)
    name = trees.delta(commits[1], commits[0], patch.directory / "software").name
    content = host.feed.repository.take(replace(patch, software=(name,)))
    assert content.commit == commits[1]
    result = host.install(host.order("10.0.1", [content], reboot_required=True))
    assert (result.error, result.needs_reboot) == ("", True)
    tree = host.backends["ostree"]
    assert tree.current() == {"ostree": commits[1]}
    assert host.book.memory.origins == {"ostree": {"ostree": commits[0]}}
    assert host.install(host.order("10.0.0", [], reboot_required=True, is_rollback=True)).error == ""
    assert tree.current() == {"ostree": commits[0]}
    assert host.book.memory.origins == {}
    packages.thaw(host.root)
