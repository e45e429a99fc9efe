# SPDX-License-Identifier: Apache-2.0
"""Answers are refused with the field and the rule, and completed with defaults."""
import pytest

from flock.core.errors import InvalidInput
from sysinv.bootstrap.answers import NETWORK_NAMES, load, parse

GOOD = {"admin_password": "correct-horse"}


def test_defaults_make_a_standard_duplex_system():
    answers = parse(GOOD)
    assert (answers.system_type, answers.system_mode, answers.database) == ("Standard", "duplex", "sqlite")
    assert [network.name for network in answers.networks] == list(NETWORK_NAMES)
    assert answers.controller_ip == "192.168.204.1"
    assert answers.public_address == "10.10.10.1"
    assert parse({**GOOD, "public_host": "127.0.0.1"}).public_address == "127.0.0.1"


@pytest.mark.parametrize("change, field", [
    ({"admin_password": "short"}, "admin_password"),
    ({"admin_password": 12345678}, "admin_password"),
    ({"admin_password": "has\nnewline"}, "admin_password"),
    ({"colour": "blue"}, "colour"),
    ({"system_mode": "simplex"}, "system_type, system_mode"),
    ({"database": "mongo"}, "database"),
    ({"name": "x'; drop table hosts; --"}, "name"),
    ({"region_name": ""}, "region_name"),
    ({"networks": []}, "networks"),
    ({"networks": {"storage": {}}}, "networks.storage"),
    ({"networks": {"mgmt": {"interface": "mgmt0"}}}, "networks.mgmt"),
    ({"networks": {"mgmt": {"interface": "MGMT 0", "subnet": "10.0.0.0/24", "controller0_address": "10.0.0.2"}}},
     "networks.mgmt.interface"),
    ({"networks": {"mgmt": {"interface": "m0", "subnet": "10.0.0.0/33", "controller0_address": "10.0.0.2"}}},
     "networks.mgmt.subnet"),
    ({"networks": {"mgmt": {"interface": "m0", "subnet": "10.0.0.0/24", "controller0_address": "10.0.1.2"}}},
     "networks.mgmt.controller0_address"),
    ({"overrides": {"mtce": 1}}, "overrides"),
])
def test_bad_answers_name_field_and_rule(change, field):
    with pytest.raises(InvalidInput) as caught:
        parse({**GOOD, **change})
    assert caught.value.params["field"] == field
    assert caught.value.params["rule"]


def test_not_yaml_not_a_mapping_and_too_large(tmp_path):
    path = tmp_path / "answers.yaml"
    for text in ("a: [", "- list", "x: " + "y" * 70000):
        path.write_text(text)
        with pytest.raises(InvalidInput):
            load(path)
    path.write_text("admin_password: correct-horse\n")
    assert load(path).admin_password == "correct-horse"
