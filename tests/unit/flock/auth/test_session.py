# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from keystoneauth1 import exceptions
from oslo_config import cfg

from flock import conf as flock_conf
from flock.auth import session as sessions
from flock.conf.sample import list_opts

FLOCK_CONF = """
[service_auth]
auth_type = password
auth_url = http://127.0.0.1:9/v3
username = mtce
password = secret
project_name = services
user_domain_name = Default
project_domain_name = Default
region_name = RegionOne
"""


def conf_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> cfg.ConfigOpts:
    (tmp_path / "flock.conf").write_text(text)
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    conf: cfg.ConfigOpts = flock_conf.setup("t", "t", [], conf=cfg.ConfigOpts(), logging_too=False)
    return conf


def test_the_session_is_bounded_and_comes_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sessions.session(conf_with(tmp_path, monkeypatch, FLOCK_CONF))
    assert session.timeout == sessions.REQUEST_TIMEOUT_S
    assert session.auth.auth_url == "http://127.0.0.1:9/v3"
    with pytest.raises(exceptions.ConnectFailure):
        session.get_token()


def test_the_adapter_knows_region_interface_and_retries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = sessions.adapter(conf_with(tmp_path, monkeypatch, FLOCK_CONF), "platform", connect_retries=0)
    assert (adapter.service_type, adapter.region_name) == ("platform", "RegionOne")
    assert adapter.interface == ["internal", "public"]
    assert (adapter.connect_retries, adapter.status_code_retries) == (0, 2)


def test_an_incomplete_group_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = conf_with(tmp_path, monkeypatch, "[service_auth]\nauth_type = password\n")
    with pytest.raises(exceptions.MissingRequiredOptions, match="auth_url"):
        sessions.session(conf)


def test_the_sample_has_every_group() -> None:
    groups = dict(list_opts())
    assert set(groups) == {"DEFAULT", "api", "database", "service_auth"}
    assert {"auth-url", "password", "timeout"} <= {opt.name for opt in groups["service_auth"]}
