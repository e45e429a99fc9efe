# SPDX-License-Identifier: Apache-2.0
"""Nodes of Kubernetes have the labels of their hosts: what is changed, what is left alone, what failures do."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import FlockError, Refused, Unavailable
from sysinv.conductor.nodelabels import CHECK_S, NodeLabels
from sysinv.model.nodelabels import OURS, changes

LABELS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2"]))


def node(labels: Mapping[str, str] | None = None, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels, "annotations": annotations, "resourceVersion": "1"}}


def merged(target: dict[str, Any], change: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an API server makes of a JSON merge patch of the metadata."""
    meta = dict(target["metadata"])
    for part, values in ({} if change is None else change["metadata"]).items():
        new = {**(meta.get(part) or {}), **values}
        meta[part] = {key: value for key, value in new.items() if value is not None}
    return {"metadata": meta}


@given(LABELS, st.lists(LABELS, min_size=1, max_size=4))
def test_a_node_ends_with_its_own_labels_and_the_last_ones_of_its_host(own: dict[str, str],
                                                                       wanted: list[dict[str, str]]) -> None:
    found = node(own)
    for labels in wanted:
        found = merged(found, changes(labels, found))
        assert labels.items() <= found["metadata"]["labels"].items()
        assert changes(labels, found) is None, "once is enough"
    ever = {key for labels in wanted for key in labels}
    assert {key: value for key, value in own.items() if key not in ever}.items() <= found["metadata"]["labels"].items()
    assert found["metadata"]["labels"].keys() <= own.keys() | wanted[-1].keys()


@pytest.mark.parametrize("note", ["", "{", "3", '{"a": 1}', "[1, null]", '"a"'])
def test_a_damaged_note_removes_nothing(note: str) -> None:
    change = changes({"b": "1"}, node({"a": "1"}, **{OURS: note}))
    assert change is not None
    assert change["metadata"]["labels"] == {"b": "1"}


def test_a_node_without_metadata_is_borne() -> None:
    assert changes({}, {}) is None
    assert changes({"a": "1"}, {}) == {"metadata": {"labels": {"a": "1"}, "annotations": {OURS: json.dumps(["a"])}}}


class Nodes:
    """An API server: ``error`` is raised in place of an answer about the nodes ``bad``, or about all of them."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.error: FlockError | None = None
        self.bad: set[str] | None = None
        self.asked: list[str] = []
        self.overtaken = 0

    def node(self, name: str) -> Mapping[str, Any] | None:
        self.asked.append(name)
        if self.error is not None and (self.bad is None or name in self.bad):
            raise self.error
        return self.nodes.get(name)

    def patch_node(self, name: str, version: str, change: Mapping[str, Any]) -> bool:
        assert version == self.nodes[name]["metadata"]["resourceVersion"]
        if self.overtaken:
            self.overtaken -= 1
            return False
        self.nodes[name] = merged(self.nodes[name], change)
        return True


class Site:
    """Two workers of a cloud, their nodes, and the audit with a clock of its own."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, self.nodes, self.now_s = cloud, Nodes(), 1000.0
        for number in range(2):
            cloud.post("/v1/ihosts", {"personality": "worker", "hostname": f"worker-{number}",
                                      "mgmt_mac": f"08:00:27:00:00:7{number}"})
            self.nodes.nodes[f"worker-{number}"] = node({"zone": "a"})
        self.audit = NodeLabels(cloud.db, self.nodes, lambda: self.now_s)

    def assign(self, host: str, **labels: str) -> None:
        reply = self.cloud.post(f"/v1/labels/{self.cloud.host(host)['uuid']}?overwrite=True", labels)
        assert reply.status == 200, reply.body

    def run(self) -> list[str]:
        self.nodes.asked.clear()
        self.audit.audit()
        return list(self.nodes.asked)

    def labels(self, host: str) -> dict[str, str]:
        return dict(self.nodes.nodes[host]["metadata"]["labels"])


@pytest.fixture
def site(cloud: Any) -> Site:
    return Site(cloud)


def test_labels_come_and_go_with_the_hosts(site: Site) -> None:
    site.run()
    site.assign("worker-0", gpu="yes", tier="gold")
    assert site.run() == ["worker-0"], "only the node whose host has changed is asked for"
    assert site.labels("worker-0") == {"zone": "a", "gpu": "yes", "tier": "gold"}
    site.assign("worker-0", gpu="no")
    (gone,) = [row for row in site.cloud.get("/v1/ihosts/worker-0/labels").body["labels"] if row["label_key"] == "tier"]
    assert site.cloud.delete(f"/v1/labels/{gone['uuid']}").status == 204
    site.run()
    assert site.labels("worker-0") == {"zone": "a", "gpu": "no"}
    assert site.labels("worker-1") == {"zone": "a"}


def test_what_a_node_has_lost_comes_back(site: Site) -> None:
    site.assign("worker-1", gpu="yes")
    site.run()
    site.nodes.nodes["worker-1"] = node({})
    assert site.run() == []
    site.now_s += CHECK_S
    assert sorted(site.run()) == ["controller-0", "worker-0", "worker-1"]
    assert site.labels("worker-1") == {"gpu": "yes"}


def test_a_server_that_does_not_answer_is_asked_again(site: Site) -> None:
    site.assign("worker-0", gpu="yes")
    site.nodes.error = Unavailable(service="kubernetes", reason="no route")
    assert len(site.run()) == 1, "the others would not be answered either"
    assert "no route" in str(site.audit.trouble())
    site.nodes.error = None
    site.run()
    assert site.labels("worker-0")["gpu"] == "yes"
    assert site.audit.trouble() is None


def test_one_node_that_is_refused_keeps_no_other_from_its_labels(site: Site) -> None:
    site.assign("worker-0", gpu="yes")
    site.assign("worker-1", gpu="yes")
    site.nodes.error, site.nodes.bad = Refused(detail="nodes is forbidden"), {"worker-0"}
    site.run()
    assert site.labels("worker-1")["gpu"] == "yes"
    assert "worker-0" in str(site.audit.trouble())
    assert "worker-0" in site.run()


def test_a_change_that_another_has_overtaken_is_tried_again(site: Site) -> None:
    site.assign("worker-0", gpu="yes")
    site.nodes.overtaken = 1
    site.run()
    assert site.labels("worker-0") == {"zone": "a"}
    site.run()
    assert site.labels("worker-0")["gpu"] == "yes"
