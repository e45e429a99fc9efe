# SPDX-License-Identifier: Apache-2.0
import configparser

import pytest

from mtce.heartbeat.settings import ConfigurationError, from_ini, load

UUID = "2f1c1d7e-0000-4000-8000-000000000001"


def ini(**heartbeat):
    parser = configparser.ConfigParser(interpolation=None)
    parser["host"] = {"uuid": UUID, "name": "worker-0"}
    parser["heartbeat"] = {"platform_conf": "/nonexistent", **heartbeat}
    return parser


def test_defaults_are_the_products():
    settings = from_ini(ini())
    assert [(link.network, link.interface, link.request_port, link.answer_port) for link in settings.links] == [
        ("mgmt", "mgmt0", 2106, 2103), ("cluster-host", "cluster0", 2116, 2113)]
    assert (settings.period_ms, settings.group, settings.sender) == (1000, "239.1.1.2", False)
    assert (settings.thresholds.minor, settings.thresholds.degrade, settings.thresholds.loss) == (4, 6, 10)


def test_same_interface_for_both_networks_is_one_link():
    assert len(from_ini(ini(mgmt_interface="eth0", cluster_host_interface="eth0")).links) == 1


def test_minor_never_exceeds_degrade():
    assert from_ini(ini(minor_threshold="9", degrade_threshold="5")).thresholds.minor == 5


@pytest.mark.parametrize(("key", "value", "rule"), [
    ("period_ms", "50", "from 100 to 1000"), ("period_ms", "soon", "from 100 to 1000"),
    ("failure_threshold", "9", "from 10 to 100"), ("sender", "maybe", "true or false")])
def test_bad_values_name_key_and_rule(key, value, rule):
    with pytest.raises(ConfigurationError, match=rf"\[heartbeat\] {key}: .*{rule}"):
        from_ini(ini(**{key: value}))


def test_host_uuid_is_mandatory():
    parser = ini()
    parser.remove_option("host", "uuid")
    with pytest.raises(ConfigurationError, match=r"\[host\] uuid"):
        from_ini(parser)


def test_platform_conf_serves(tmp_path):
    (tmp_path / "platform.conf").write_text(f"nodetype=controller\nhostname=controller-0\nUUID={UUID}\n")
    parser = ini(platform_conf=str(tmp_path / "platform.conf"))
    parser.remove_section("host")
    settings = from_ini(parser)
    assert (settings.host_uuid, settings.hostname, settings.sender) == (UUID, "controller-0", False)


def test_files_with_percent_signs_and_other_daemons_options_are_read(tmp_path, monkeypatch):
    (tmp_path / "flock.conf").write_text("[DEFAULT]\ntransport_url = rabbit://a:p%40ss@h//\n[host]\n")
    (tmp_path / "mtce.conf").write_text(f"[host]\nuuid = {UUID}\n[heartbeat]\nsender = true\n")
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    assert load([]).sender


def test_files_of_the_platforms_configuration_come_last(tmp_path, monkeypatch):
    (tmp_path / "mtce.conf").write_text(f"[host]\nuuid = {UUID}\n[heartbeat]\nperiod_ms = 200\nsender = true\n")
    (tmp_path / "mtce.d").mkdir()
    (tmp_path / "mtce.d/50-flock-heartbeat.conf").write_text("[heartbeat]\nperiod_ms = 500\n")
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    assert (load([]).period_ms, load([]).sender) == (500, True)
