# SPDX-License-Identifier: Apache-2.0
"""Which machines can carry a lab: each kind that people have is supported, or refused in one sentence."""
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.virtualcloud.cgroups import Hierarchy
from devstack.virtualcloud.facts import Facts, of_this_machine, refusal_of_lab, refusal_of_system, system_name

V1 = tuple(Hierarchy(Path(f"/sys/fs/cgroup/{name}"), (name,), False) for name in ("devices", "freezer", "memory"))
MIXED = (*V1, Hierarchy(Path("/sys/fs/cgroup/unified"), (), True))
V2 = (Hierarchy(Path("/sys/fs/cgroup"), (), True),)
DEBIAN_12 = Facts("Linux", 0, "Debian 12", (3, 11), MIXED, 128, True)


@pytest.mark.parametrize("facts", [
    DEBIAN_12,
    replace(DEBIAN_12, hierarchies=V1, bpf=False),
    replace(DEBIAN_12, hierarchies=V2),
    replace(DEBIAN_12, inotify_instances=0),  # the limit cannot be read
    replace(DEBIAN_12, system="Devuan 5"),
], ids=["mixed", "version 1", "pure version 2", "no limit", "a relative"])
def test_machines_that_will_do(facts):
    assert refusal_of_lab(facts) == ""


@pytest.mark.parametrize(("facts", "words"), [
    (replace(DEBIAN_12, system="Ubuntu 24.04", python=(3, 12)), "Ubuntu 24.04 has Python 3.12, but the hosts"),
    (replace(DEBIAN_12, system="Debian 13", python=(3, 13)), "Debian 13 has Python 3.13, but the hosts"),
    (replace(DEBIAN_12, kernel="Darwin"), "needs Linux; this is Darwin"),
    (replace(DEBIAN_12, user_id=1000), "use sudo"),
])
def test_systems_that_are_refused_before_anything_is_installed(facts, words):
    said = refusal_of_system(facts)
    assert words in said and "\n" not in said
    assert refusal_of_lab(facts) == said


@pytest.mark.parametrize(("facts", "words"), [
    (replace(DEBIAN_12, hierarchies=()), "no control groups mounted"),
    (replace(DEBIAN_12, hierarchies=V2, bpf=False), "cannot keep the hosts of the lab from this machine's disks"),
    (replace(DEBIAN_12, hierarchies=V1[1:]), "cannot keep the hosts of the lab from this machine's disks"),
    (replace(DEBIAN_12, inotify_instances=8), "sysctl fs.inotify.max_user_instances=1024"),
])
def test_machines_that_can_be_prepared_and_carry_no_host(facts, words):
    assert refusal_of_system(facts) == ""
    said = refusal_of_lab(facts)
    assert words in said and "\n" not in said


@pytest.mark.parametrize(("text", "name"), [
    ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n', "Debian 12"),
    ('NAME="Ubuntu"\nVERSION_ID="24.04"\n', "Ubuntu 24.04"),
    ("NAME=Arch\n", "Arch"),
    ("", "this system"),
])
def test_the_system_is_named_as_people_name_it(text, name):
    assert system_name(text) == name


def test_the_facts_of_this_machine_can_be_read():
    assert of_this_machine().kernel == "Linux"
