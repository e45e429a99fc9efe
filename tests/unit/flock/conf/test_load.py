# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from flock import conf as flock_conf
from flock.conf.options import list_opts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    return tmp_path


def load(*argv: str, subsystem: str = "fm") -> Any:
    return flock_conf.setup("fm-api", subsystem, argv, conf=cfg.ConfigOpts(), logging_too=False)


def test_no_file_at_all_gives_defaults(folder: Path) -> None:
    conf = load()
    assert (conf.api.workers, conf.api.threads, conf.api.limit_max) == (1, 8, 2000)
    assert conf.database.connection == "sqlite:////var/lib/flock/fm/fm.sqlite"
    assert flock_conf.default_files("fm") == []


def test_the_subsystem_file_comes_after_the_shared_one(folder: Path) -> None:
    (folder / "flock.conf").write_text("[api]\nworkers = 2\nthreads = 4\n[DEFAULT]\nstate_dir = /srv\n")
    (folder / "fm.conf").write_text("[api]\nworkers = 3\n")
    (folder / "sysinv.conf").write_text("[api]\nworkers = 9\n")
    conf = load()
    assert (conf.api.workers, conf.api.threads) == (3, 4)
    assert conf.database.connection == "sqlite:////srv/fm/fm.sqlite"
    assert flock_conf.default_files("fm") == [str(folder / "flock.conf"), str(folder / "fm.conf")]


def test_files_of_the_platforms_configuration_come_last_and_a_reload_finds_new_ones(folder: Path) -> None:
    (folder / "flock.conf").write_text("[api]\nlimit_max = 100\nthreads = 4\n")
    conf = load()
    conf.register_opt(cfg.IntOpt("patience_s", default=1, mutable=True))
    assert conf.patience_s == 1
    (folder / "fm.d").mkdir()
    (folder / "fm.d/50-x.conf").write_text("[DEFAULT]\npatience_s = 7\n")
    conf.mutate_config_files()
    assert conf.patience_s == 7
    (folder / "fm.d/50-x.conf").unlink()
    (folder / "fm.d/60-y.conf").write_text("[api]\nthreads = 2\n")
    conf.mutate_config_files()
    assert conf.patience_s == 1
    assert (load().api.threads, load().api.limit_max) == (2, 100)


def test_a_file_on_the_command_line_replaces_them(folder: Path, tmp_path: Path) -> None:
    (folder / "flock.conf").write_text("[api]\nworkers = 2\n")
    other = tmp_path / "other.conf"
    other.write_text("[api]\nthreads = 5\n[database]\nconnection = sqlite://\n")
    conf = load("--config-file", str(other))
    assert (conf.api.workers, conf.api.threads, conf.database.connection) == (1, 5, "sqlite://")


def test_bad_values_stop_the_daemon_naming_the_option(folder: Path) -> None:
    (folder / "flock.conf").write_text("[api]\nworkers = 0\n")
    conf = load()
    with pytest.raises(cfg.ConfigFileValueError, match="workers"):
        conf.api.workers  # noqa: B018


def test_setup_may_be_repeated(folder: Path) -> None:
    conf = cfg.ConfigOpts()
    flock_conf.setup("a", "fm", [], conf=conf, logging_too=False)
    assert flock_conf.setup("a", "fm", [], conf=conf, logging_too=False) is conf


def test_the_default_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOCK_CONF_DIR", raising=False)
    assert flock_conf.conf_dir() == Path("/etc/flock")


def test_the_sample_has_every_group() -> None:
    assert [group for group, _ in list_opts()] == ["DEFAULT", "database", "api"]
