# SPDX-License-Identifier: Apache-2.0
"""The catalogue is complete and typed; a broken one names what is wrong."""
from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from fm.contract import catalogue
from fm.contract.catalogue import CatalogueError
from fm.contract.entity import fill
from fm.contract.validation import checked_fault
from fm.raiser.requests import alarm_request


def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(catalogue.DEFAULT_PATH.read_text(), yaml.CSafeLoader)
    return loaded


def test_size_and_added_ids() -> None:
    loaded = catalogue.load()
    assert (len(loaded.entries), len(loaded.alarms())) == (338, 137)
    assert loaded.is_alarm("400.004") and loaded.is_alarm("200.031")
    for log in ("200.023", "200.024", "210.101", "500.001", "500.002"):
        entry = loaded.find(log)
        assert entry is not None and not entry.is_alarm


def test_ids_are_unique_texts_in_the_file() -> None:
    keys = [line.split(":")[0] for line in catalogue.DEFAULT_PATH.read_text().splitlines() if line.startswith('"')]
    assert len(keys) == len(set(keys)) == 338


def test_only_the_lock_alarm_inhibits() -> None:
    assert [entry.alarm_id for entry in catalogue.load().alarms() if entry.inhibits_alarms] == ["200.001"]


def test_every_entry_can_be_read_by_an_operator() -> None:
    for entry in catalogue.load().entries.values():
        assert entry.description.endswith(".") and entry.description[0].isupper(), entry.alarm_id
        assert not entry.proposed_repair or entry.proposed_repair.endswith("."), entry.alarm_id


@pytest.mark.parametrize("entry", catalogue.load().alarms(), ids=lambda entry: entry.alarm_id)
def test_an_alarm_can_be_raised_from_its_id_entity_and_severity(entry: catalogue.Entry) -> None:
    """The catalogue has a default for every other field, and what it makes is a fault that can be stored."""
    entity = re.sub(r"<[^>]*>", "x", entry.entities[0])
    for severity in entry.severities:
        request = alarm_request(entry.alarm_id, entity, {}, {"severity": severity})
        fault = request.fault
        assert fault is not None and checked_fault(fault) == fault
        assert (fault.reason_text, fault.proposed_repair_action) == (entry.description, entry.proposed_repair)
        assert (fault.alarm_type, fault.probable_cause) == (entry.alarm_types[0], entry.probable_causes[0])
        assert (fault.suppression, fault.inhibit_alarms) == (entry.suppression_allowed, entry.inhibits_alarms)
        assert fault.service_affecting is entry.service_affecting[severity]


def test_parts_make_the_entity_of_every_form_of_named_placeholders() -> None:
    filled = 0
    for entry in catalogue.load().entries.values():
        for template in entry.entities:
            if re.fullmatch(r"([A-Za-z0-9_-]+=<[^>]*>[.,]?)+", template):
                names = re.findall(r"([A-Za-z0-9_-]+)=<", template)
                assert fill([template], dict.fromkeys(names, "v")) == re.sub(r"<[^>]*>", "v", template), entry.alarm_id
                filled += 1
    assert filled > 200


@pytest.mark.parametrize("group", [str(number) for number in range(1, 7)])
def test_orchestration_ids(group: str) -> None:
    loaded = catalogue.load()
    assert all(loaded.is_alarm(f"900.{group}0{number}") for number in (1, 2, 3))
    assert all(loaded.find(f"900.{group}{number}") is not None for number in range(11, 22))


def test_templates_can_be_filled() -> None:
    loaded = catalogue.load()
    entry = loaded.find("200.006")
    assert entry is not None and fill(entry.entities, {"host": "c0", "process": "sshd"}) == "host=c0.process=sshd"


@pytest.mark.parametrize(("change", "text"), [
    ({"severities": ["loud"]}, "severities"), ({"alarm_types": ["x"]}, "alarm_types"), ({"type": "Thing"}, "type"),
    ({"probable_causes": ["bad luck"]}, "probable_causes"), ({"description": ""}, "description"),
    ({"entity_instance_id": []}, "entity_instance_id"), ({"service_affecting": {"loud": True}}, "service_affecting"),
    ({"suppression_allowed": "yes"}, "suppression_allowed"), ({"colour": "red"}, "colour"),
    ({"mgmt_affecting_severity": "some"}, "mgmt_affecting_severity"), ({"context": "moon"}, "context")])
def test_a_broken_entry_is_named(change: dict[str, Any], text: str) -> None:
    entry = {**raw()["100.101"], **change}
    with pytest.raises(CatalogueError, match=f"100.101: .*{text}"):
        catalogue.parse({"100.101": entry})


@pytest.mark.parametrize("key", [100.101, "100.1", "a.b", "1000.001"])
def test_ids_must_be_quoted_and_of_three_digits(key: object) -> None:
    with pytest.raises(CatalogueError):
        catalogue.parse({key: raw()["100.101"]})


def test_an_unreadable_file_is_an_error(tmp_path: Any) -> None:
    path = tmp_path / "events.yaml"
    path.write_text("{")
    for source in (str(path), str(tmp_path / "absent.yaml")):
        with pytest.raises(CatalogueError):
            catalogue.load(source)
