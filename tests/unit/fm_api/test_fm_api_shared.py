# SPDX-License-Identifier: Apache-2.0
"""``FaultAPIs()`` without arguments: the configuration files of the host, and nothing of the caller's is touched."""
from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from flock.db import Database
from flock.rpc import Server, transport
from flock.testing.fixtures import private_conf
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import shared
from fm_api import constants, fm_api

ROOT = Path(__file__).resolve().parents[3]


def a_fault(host: str) -> fm_api.Fault:
    return fm_api.Fault(
        constants.FM_ALARM_ID_FS_USAGE, constants.FM_ALARM_STATE_SET, constants.FM_ENTITY_TYPE_HOST,
        f"{constants.FM_ENTITY_TYPE_HOST}={host}", constants.FM_ALARM_SEVERITY_MAJOR, "full",
        constants.FM_ALARM_TYPE_7, constants.ALARM_PROBABLE_CAUSE_50, "clean up")


@pytest.fixture
def conf_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = tmp_path / "conf"
    directory.mkdir()
    monkeypatch.setenv("FLOCK_CONF_DIR", str(directory))
    yield directory
    shared.forget()


@pytest.fixture
def served(conf_dir: Path, tmp_path: Path, database: Database) -> Iterator[None]:
    exchange = f"test-{uuid.uuid4().hex}"
    (conf_dir / "flock.conf").write_text("[DEFAULT]\ntransport_url = rabbit://nobody:x@192.0.2.1/\n"
                                         f"state_dir = {tmp_path}\n[rpc]\nexchange = {exchange}\n")
    (conf_dir / "fm.conf").write_text("[DEFAULT]\ntransport_url = fake://service.tests@memory/\n"
                                      "[fm_raiser]\nspool_limit_mib = 2\n")
    METADATA.create_all(database.engine)
    synchronise(database)
    bus = transport(private_conf(), "fake://service.tests@memory/", exchange=exchange)
    manager = Manager(database, Writer(database, lambda: Settings(Limits(1000))))
    server = Server(bus, "here", {FmManager: manager})
    assert server.start()
    yield
    server.stop()
    bus.close()


def test_the_bus_of_the_configuration_files_is_used(served: None, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["a-service", "--its-own-option", "7"])
    before = sorted(cfg.CONF)
    v1, v2 = fm_api.FaultAPIs(), fm_api.FaultAPIsV2()
    assert not (tmp_path / "fm").exists()  # nothing happens before the first call
    uuid_ = v1.set_fault(a_fault("a"))
    assert uuid_ is not None and v2.get_fault("100.104", "host=a").uuid == uuid_  # type: ignore[union-attr]
    v1.set_fault_async(a_fault("b"))
    assert [found.entity_instance_id for found in v2.get_faults_by_id("100.104") or []] == ["host=a", "host=b"]
    assert (tmp_path / "fm" / "spool" / str(os.geteuid()) / "0" / "lock").is_file()
    assert shared.shared_raiser() is shared.shared_raiser()
    assert sorted(cfg.CONF) == before and sys.argv == ["a-service", "--its-own-option", "7"]


def test_configuration_that_cannot_be_read_is_a_failure_of_the_call(conf_dir: Path) -> None:
    (conf_dir / "flock.conf").write_text("this is = [no configuration")
    v1, v2 = fm_api.FaultAPIs(), fm_api.FaultAPIsV2()
    assert v1.set_fault(a_fault("a")) is None and v1.get_faults_strict("host=a") is False
    with pytest.raises(fm_api.APIException, match="Failed to execute set_fault."):
        v2.set_fault(a_fault("a"))
    with pytest.raises(fm_api.APIException, match="configuration"):
        v1.set_fault_async(a_fault("a"))


def test_a_short_lived_process_leaves_what_was_not_delivered(conf_dir: Path, tmp_path: Path) -> None:
    (conf_dir / "fm.conf").write_text("[DEFAULT]\ntransport_url = fake://service.tests@memory/\n"
                                      f"state_dir = {tmp_path}\n"
                                      "[fm_raiser]\nexit_flush_s = 0.2\n")
    code = ("from fm_api import fm_api\n"
            "fm_api.FaultAPIs().set_fault_async(fm_api.Fault('100.104', 'set', 'host', 'host=left', 'major', 'r', "
            "'other', 'unknown', 'p'))\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=env,
                          timeout=30)
    assert done.returncode == 0, done.stderr
    assert shared.shared_raiser().backlog()[0] == 1


def test_options_are_in_the_sample() -> None:
    (group, options), = shared.options.list_opts()
    assert group == "fm_raiser" and {option.dest for option in options} == {
        "spool_dir", "spool_limit_mib", "exit_flush_s"}


def test_fm_api_has_the_names_of_the_library() -> None:
    assert {name: getattr(fm_api, name).__module__ for name in fm_api.__all__} == dict.fromkeys(
        ("APIException", "ClientException", "Fault", "FaultAPIs", "FaultAPIsBase", "FaultAPIsV2"), "fm.raiser.compat")
