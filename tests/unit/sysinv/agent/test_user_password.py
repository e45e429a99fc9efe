# SPDX-License-Identifier: Apache-2.0
"""The agent tells of a password that somebody changed on a controller, sealed, until the host is configured with it."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from flock.auth.secrets import SecretBox
from flock.core.errors import Unavailable
from flock.rpc.errors import VersionMismatch
from sysinv.agent.userpassword import UserPassword
from sysinv.model.hostfiles import user_purpose
from sysinv.resources.user.rules import signature

HOST = "6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11"
HASH = "$y$j9T$abcdefghijkl$" + "y" * 43


class Conductor:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def user_changed(self, *, host_uuid: str, sealed: str) -> None:
        if self.error is not None:
            raise self.error
        self.told.append((host_uuid, sealed))


class Controller:
    """Files of a controller."""

    def __init__(self, folder: Path) -> None:
        self.conductor, self.folder, self.key = Conductor(), folder, folder / "secrets.key"
        self.shadow, self.signature = folder / "shadow", folder / "user.signature"
        self.box = SecretBox.create(self.key)
        self.work = UserPassword(self.conductor, self.key, self.box.seal, self.shadow,  # type: ignore[arg-type]
                                 self.signature)


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def test_a_changed_password_is_told_sealed_until_the_host_is_configured_with_it(controller: Controller) -> None:
    controller.shadow.write_text(f"root:*:1:0:9:7:::\nsysadmin:{HASH}:19700:0:90:7:::\n")
    controller.signature.write_text("before\n")
    assert controller.work.carry_out(HOST) is None
    ((host, sealed),) = controller.conductor.told
    assert host == HOST
    assert HASH not in sealed
    assert json.loads(controller.box.unseal(sealed, user_purpose(HOST))) == {
        "configured": "before", "hash": HASH, "max_days": 90, "last_change": 19700}
    controller.signature.write_text(signature(HASH) + "\n")
    assert controller.work.carry_out(HOST) is None
    assert len(controller.conductor.told) == 1


@pytest.mark.parametrize("shadow", [None, "", "root:*:1:0:9:7:::\n", "sysadmin:!:1:0:9:7:::\n", "\x00\xff"])
def test_a_host_without_such_a_user_tells_nothing(controller: Controller, shadow: str | None) -> None:
    if shadow is not None:
        controller.shadow.write_text(shadow)
    assert controller.work.carry_out(HOST) is None
    assert controller.conductor.told == []


def test_a_host_without_the_controllers_key_tells_nothing(controller: Controller) -> None:
    controller.shadow.write_text(f"sysadmin:{HASH}:19700:0:90:7:::\n")
    controller.key.unlink()
    assert controller.work.carry_out(HOST) is None
    assert controller.conductor.told == []


def test_a_conductor_that_does_not_listen_is_told_again(controller: Controller) -> None:
    controller.shadow.write_text(f"sysadmin:{HASH}:19700:0:90:7:::\n")
    controller.conductor.error = Unavailable(detail="nobody there")
    trouble = controller.work.carry_out(HOST)
    assert trouble is not None and trouble.startswith("a changed password waits")
    controller.conductor.error = VersionMismatch(detail="older")
    assert controller.work.carry_out(HOST) is None
    controller.conductor.error = None
    assert controller.work.carry_out(HOST) is None
    assert len(controller.conductor.told) == 1
