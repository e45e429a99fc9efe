# SPDX-License-Identifier: Apache-2.0
"""An operator of a lab's cloud who builds patches with software-build and rolls them with the command lines.

Every command and its output is printed, so that a test's output is the story that a person would see.
"""
import json
import subprocess
import sys
from pathlib import Path

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, cli, cli_environment, lab
from patching.backends import ostree

PROGRAMS = Path(sys.prefix) / "bin"
COMMAND_S = 600
SIGNER = "maker"


def command(program, *words):
    """A command line of the administrator that has ended."""
    return subprocess.run([str(PROGRAMS / program), *words], capture_output=True, text=True, timeout=COMMAND_S,
                          check=False, env=cli_environment())


class Operator:
    """``cloud``: the REST client; ``on(host, *argv)``: runs a command inside a host; ``folder``: for what is built."""

    def __init__(self, cloud, on, folder):
        self.cloud, self.on, self.folder = cloud, on, folder
        self.build("key", SIGNER, "--target", str(folder))
        lab("put", "controller-0", str(folder / f"{SIGNER}.crt"), f"/etc/flock/software/trusted/{SIGNER}.crt")

    def run(self, program, *words, rc=0):
        """Run a command line as the administrator; it must end with ``rc``. Returns its output."""
        print("$ " + " ".join((program, *words)), flush=True)
        done = command(program, *words)
        print(done.stdout + done.stderr, flush=True)
        assert done.returncode == rc, (f"{program} {words}: {done.returncode} {done.stdout} {done.stderr}\n"
                                       f"alarms: {command('fm', 'alarm-list', '--nowrap').stdout}")
        return done.stdout

    def software(self, *words, rc=0):
        return self.run("software", *words, rc=rc)

    def build(self, *words):
        return self.run("software-build", *words)

    # Patches.

    def patch(self, number, packages, *words):
        """Build and upload patch ``number``; returns its release id."""
        release = self.built(number, packages, *words)
        self.software("upload", str(self.folder / f"{release}.patch"))
        return release

    def built(self, number, packages, *words):
        """Build ``<release id>.patch``, patch ``number`` of the release that was installed; returns its release id."""
        major, minor, _ = min(self.versions()).split(".")
        release = f"starlingx-{major}.{minor}.{number}"
        self.build("patch", "--id", release, "--status", "REL", "--key", str(self.folder / f"{SIGNER}.key"),
                   "--target", str(self.folder), *words, *map(str, packages))
        return release

    def finish(self):
        """Activate, complete and delete the deployment."""
        self.software("deploy", "activate", "--wait")
        self.software("deploy", "complete")
        self.software("deploy", "delete")
        wait_for("no deployment", lambda: self.state() is None, 60)

    def host(self, name, step="host"):
        self.software("deploy", step, name, "--wait")

    # What is there.

    def releases(self):
        return {row["release_id"]: row["state"] for row in json.loads(self.software("list", "-f", "json"))}

    def versions(self):
        return [row["sw_version"] for row in json.loads(self.software("list", "-f", "json"))]

    def state(self):
        found = json.loads(self.software("deploy", "show", "-f", "json"))
        rows = found if isinstance(found, list) else [found]
        return rows[0]["state"] if rows and rows[0] else None

    def hosts(self):
        """State of each host in the deployment."""
        self.software("deploy", "host-list")
        return {row["hostname"]: row["host_state"]
                for row in json.loads(self.software("deploy", "host-list", "-f", "json"))}

    def alarms(self, name):
        return self.cloud.alarm_ids(f"host={name}")

    def quiet(self):
        """Wait until no alarm stands: no deployment may begin while one does."""
        self.run("fm", "alarm-list")
        wait_for("a cloud without alarms", lambda: not self.cloud.alarms(), 300)

    # Hosts.

    def lock(self, name):
        self.run("system", "host-lock", name)
        wait_states(self.cloud, name, "locked/disabled/online", 180)

    def unlock(self, name):
        """Unlock a host, which boots it; wait until it is in service."""
        before = boots(name)
        wait_for(f"{name} without a task", lambda: not self.cloud.host(name)["task"], 120)
        cli("system", "host-unlock", name)
        wait_for(f"{name} to boot", lambda: boots(name) > before, 240)
        wait_states(self.cloud, name, IN_SERVICE, 300)
        # The host may be the controller, whose services start one after the other.
        wait_for("an answer of software management", lambda: command("software", "list").returncode == 0, 120)

    def show(self, name, *argv):
        """Print and return what a command says inside a host."""
        told = self.on(name, *argv)
        print(f"{name}# {' '.join(argv)}\n{told}", flush=True)
        return told

    def os_name(self, name):
        """PRETTY_NAME of the operating system that a host runs."""
        told = self.show(name, "grep", "PRETTY_NAME", "/etc/os-release")
        return told.strip().partition("=")[2].strip('"')


class Trees:
    """Changed operating systems: commits that build on the one from which a host of the lab was installed."""

    def __init__(self, folder, base_repo, base):
        self.folder, self.repo, self.base = folder, folder / "trees", base
        self._ostree("init", "--mode=bare")
        self._ostree("config", "set", "core.parent", str(base_repo))
        self._ostree("config", "set", "core.fsync", "false")

    def delta(self, text, os_release):
        """The package file of a system that calls itself by ``text``, and has the program /usr/bin/tool of it."""
        changes = self.folder / f"changes-{text}"
        for name, content, mode in (("usr/lib/os-release", renamed(os_release, text), 0o644),
                                    ("usr/bin/tool", f"#!/bin/sh\necho {text}\n", 0o755)):
            (changes / name).parent.mkdir(parents=True, exist_ok=True)
            (changes / name).write_text(content)
            (changes / name).chmod(mode)
        commit = self._ostree("commit", "--branch=flock", f"--subject={text}", f"--tree=ref={self.base}",
                              f"--tree=dir={changes}").strip()
        return commit, ostree.make_delta(self.repo, commit, self.base, self.folder)

    def _ostree(self, *words):
        return subprocess.run(["ostree", f"--repo={self.repo}", *words], capture_output=True, text=True,
                              timeout=COMMAND_S, check=True).stdout


def renamed(os_release, text):
    """The file os-release, with the version in the name that people see."""
    lines = [line for line in os_release.splitlines() if not line.startswith("PRETTY_NAME=")]
    return "\n".join([f'PRETTY_NAME="Edge Linux {text}"', *lines, ""])
