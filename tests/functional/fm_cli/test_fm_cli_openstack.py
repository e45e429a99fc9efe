# SPDX-License-Identifier: Apache-2.0
"""``openstack fault …`` as a process against the running service. About 8 s, each process more than one."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from flock.testing.openstack import openstack, register, with_token

Fault = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def fault(fm: Any, keystone: Any, tmp_path: Path) -> Fault:
    """Run ``openstack fault`` as a configurator."""
    pytest.importorskip("openstackclient")
    place, options = register(tmp_path), with_token(fm.service.base, keystone.token("configurator", "services"))
    return lambda *argv: openstack(place, *options, "fault", *argv)


def test_the_same_objects_as_fm(fm: Any, fault: Fault) -> None:
    fm.service.raiser().raise_now("200.004", host="worker-1")
    done = fault("alarm", "list", "-f", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == fm("alarm-list -f json").json()


def test_a_silence_made_here_ends_there(fm: Any, fault: Fault) -> None:
    done = fault("silence", "create", "--entity", "host=worker-1", "--expires", "30m", "-f", "value", "-c", "uuid")
    assert (done.returncode, done.stderr) == (0, "")
    assert fm(f"silence-delete {done.stdout.strip()}").code == 0


def test_an_unknown_id_changes_nothing(fm: Any, fault: Fault) -> None:
    done = fault("suppression", "set", "--alarm-id", "100.101,9.9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Alarm ID not found: 9.9" in done.stderr
    assert fm("event-suppress-list").out == "\n"


def test_a_refusal_names_status_and_request(fault: Fault) -> None:
    done = fault("alarm", "list", "--query", "colour=red")
    assert (done.returncode, done.stdout) == (1, "")
    assert "(HTTP 400, request req-" in done.stderr
