# SPDX-License-Identifier: Apache-2.0
"""Options of SNMP: refusals name option and rule; secrets never show; without destinations nothing is loaded."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from fm.conf import snmp
from fm.conf.snmp import BadOption, agentx_address, destinations, engine_id
from fm.manager.outputs.snmp import snmp_sinks


def conf_of(tmp_path: Path, **sections: dict[str, Any]) -> cfg.ConfigOpts:
    path = tmp_path / "fm.conf"
    path.write_text("\n".join(line for name, options in sections.items() for line in (
        f"[{name.replace('__', '.')}]", *(f"{key} = {value}" for key, value in options.items()))))
    conf = cfg.ConfigOpts()
    conf([], project="fm", default_config_files=[str(path)])
    return conf


GOOD_V3 = {"host": "n", "version": "3", "user_name": "u", "auth_protocol": "SHA-256", "auth_key": "authpass1",
           "priv_protocol": "AES", "priv_key": "privpass1"}


def test_nothing_is_sent_by_default(tmp_path: Path) -> None:
    assert destinations(conf_of(tmp_path)) == ()


def test_destinations_are_read(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, fm_snmp={"destinations": "noc,b-2"},
                   fm_snmp__noc={"host": "10.0.0.1", "community": "hush", "inform": True, "port": 1162},
                   **{"fm_snmp__b-2": GOOD_V3})
    noc, backup = destinations(conf)
    assert (noc.name, noc.host, noc.port, noc.inform, noc.community) == ("noc", "10.0.0.1", 1162, True, "hush")
    assert (backup.user_name, backup.auth_protocol, backup.priv_protocol) == ("u", "SHA-256", "AES")
    shown = repr((noc, backup))
    assert not [secret for secret in ("hush", "authpass1", "privpass1") if secret in shown]


@pytest.mark.parametrize(("group", "sentence"), [
    ({"community": "c"}, "[fm_snmp.n] host: must be set"),
    ({"host": "h"}, "[fm_snmp.n] community: must be set for version 2c"),
    ({**GOOD_V3, "user_name": ""}, "[fm_snmp.n] user_name: 1 to 32 octets for version 3"),
    ({**GOOD_V3, "user_name": "x" * 33}, "[fm_snmp.n] user_name: 1 to 32 octets for version 3"),
    ({**GOOD_V3, "context_name": "x" * 33}, "[fm_snmp.n] context_name: at most 32 octets"),
    ({**GOOD_V3, "auth_protocol": "none"}, "[fm_snmp.n] priv_protocol: needs an auth_protocol other than none"),
    ({**GOOD_V3, "auth_key": "short"}, "[fm_snmp.n] auth_key: at least 8 characters with auth_protocol"),
    ({**GOOD_V3, "priv_key": ""}, "[fm_snmp.n] priv_key: at least 8 characters with priv_protocol"),
])
def test_a_wrong_destination_is_refused_with_option_and_rule(tmp_path: Path, group: dict[str, Any],
                                                            sentence: str) -> None:
    conf = conf_of(tmp_path, fm_snmp={"destinations": "n"}, fm_snmp__n=group)
    with pytest.raises(BadOption) as refused:
        destinations(conf)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("wrong", [{"version": "1"}, {"auth_protocol": "MD5"}, {"priv_protocol": "DES"}, {"port": 0}])
def test_what_is_not_offered_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any]) -> None:
    conf = conf_of(tmp_path, fm_snmp={"destinations": "n"}, fm_snmp__n={"host": "h", "community": "c", **wrong})
    with pytest.raises(ValueError, match=next(iter(wrong))):
        destinations(conf)


@pytest.mark.parametrize(("names", "rule"), [
    ("a,a", "once"), ("Upper", "a-z"), ("-a", "a-z"), (",".join(f"n{number}" for number in range(17)), "at most 16")])
def test_names_of_destinations_are_checked(tmp_path: Path, names: str, rule: str) -> None:
    with pytest.raises(BadOption, match=rule):
        destinations(conf_of(tmp_path, fm_snmp={"destinations": names}))


def test_the_engine_id_belongs_to_the_system(tmp_path: Path) -> None:
    conf = conf_of(tmp_path)
    assert engine_id(conf, "R", "s") == engine_id(conf, "R", "s") != engine_id(conf, "Rs", "")
    assert engine_id(conf, "R", "s")[:5] == bytes.fromhex("800002db05") and len(engine_id(conf, "R", "s")) == 17


@pytest.mark.parametrize(("text", "expected"), [("0x8000000001", b"\x80\0\0\0\1"), ("80000000aa", b"\x80\0\0\0\xaa")])
def test_the_engine_id_can_be_chosen(tmp_path: Path, text: str, expected: bytes) -> None:
    assert engine_id(conf_of(tmp_path, fm_snmp={"engine_id": text}), "R", "s") == expected


@pytest.mark.parametrize("text", ["xyz", "0x80", "00" * 5, "ff" * 8, "80" * 33])
def test_an_engine_id_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadOption, match=r"\[fm_snmp\] engine_id: "):
        engine_id(conf_of(tmp_path, fm_snmp={"engine_id": text}), "R", "s")


@pytest.mark.parametrize(("text", "expected"), [
    ("unix:/run/x", "/run/x"), ("tcp:localhost:705", ("localhost", 705)), ("tcp:[::1]:705", ("::1", 705))])
def test_the_address_of_the_master_agent(tmp_path: Path, text: str, expected: Any) -> None:
    assert agentx_address(conf_of(tmp_path, fm_snmp={"agentx_address": text})) == expected


@pytest.mark.parametrize("text", ["", "unix:relative", "tcp:host", "tcp:host:0", "tcp:host:65536", "udp:h:1", "/path"])
def test_an_address_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadOption, match=r"\[fm_snmp\] agentx_address: unix:PATH"):
        agentx_address(conf_of(tmp_path, fm_snmp={"agentx_address": text}))


def test_secrets_are_secret_options() -> None:
    assert {option.name for option in snmp.DESTINATION_OPTS if option.secret} == {"community", "auth_key", "priv_key"}


def test_without_destinations_pysnmp_is_not_imported() -> None:
    """In a fresh interpreter: the whole manager, with outputs made."""
    code = ("import sys\nfrom oslo_config import cfg\nimport fm.manager.daemon\n"
            "from fm.manager.outputs.snmp import snmp_sinks\nconf = cfg.ConfigOpts()\nconf([])\n"
            "assert snmp_sinks(conf, 'R', 's') == {}\n"
            "assert not [name for name in sys.modules if name.split('.')[0] in ('pysnmp', 'pyasn1')]\n")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_outputs_are_named_and_the_start_is_counted(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, fm_snmp={"destinations": "noc"}, fm_snmp__noc={"host": "127.0.0.1", "community": "c"})
    conf.register_opts([cfg.StrOpt("state_dir", default=str(tmp_path))])
    assert list(snmp_sinks(conf, "R", "s")) == ["snmp-noc"]
    first = int((tmp_path / "fm" / "snmp-engine-boots").read_text())
    snmp_sinks(conf, "R", "s")
    assert int((tmp_path / "fm" / "snmp-engine-boots").read_text()) > first > 0
