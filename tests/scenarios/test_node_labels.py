# SPDX-License-Identifier: Apache-2.0
"""The labels of hosts on the nodes of a real Kubernetes, with the account that is shipped."""
from pathlib import Path

import pytest
import yaml

from flock import kubernetes
from flock.core.errors import Refused
from flock.testing.services.kubernetes import KubernetesCluster
from sysinv.model.nodelabels import changes
from tests.scenarios.pods import PATHS

MANIFEST = Path(__file__).resolve().parents[2] / "etc/sysinv/kubernetes-account.yaml"
NODE = "worker-0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    assert KubernetesCluster.available(), "Kubernetes is not built; devstack/prepare.sh --scenarios does that"
    found = KubernetesCluster(tmp_path_factory.mktemp("kubernetes"))
    try:
        found.start()
        found.add_nodes([NODE])
        for one in yaml.safe_load_all(MANIFEST.read_text()):
            found.ask("POST", PATHS[one["kind"]], one)
        yield found
    finally:
        found.stop()


@pytest.fixture
def api(cluster, tmp_path):
    token = cluster.token("kube-system", "flock-sysinv")
    return kubernetes.connect(str(cluster.kubeconfig(tmp_path / "kubeconfig", token)), 20.0)


def give(api, **wanted):
    """Give the node these labels; returns whether anything was to be changed."""
    node = api.node(NODE)
    found = changes(wanted, node)
    return found is not None and api.patch_node(NODE, node["metadata"]["resourceVersion"], found)


def test_a_node_gets_changes_and_loses_labels(cluster, api):
    before = cluster.node(NODE)["metadata"]["labels"]
    assert give(api, gpu="yes", tier="")
    assert cluster.node(NODE)["metadata"]["labels"] == {**before, "gpu": "yes", "tier": ""}
    assert not give(api, gpu="yes", tier="")
    assert give(api, gpu="no")
    assert cluster.node(NODE)["metadata"]["labels"] == {**before, "gpu": "no"}
    assert give(api)
    assert cluster.node(NODE)["metadata"]["labels"] == before


def test_a_change_of_an_old_version_is_none(cluster, api):
    node = api.node(NODE)
    cluster.ask("PATCH", f"/api/v1/nodes/{NODE}", {"metadata": {"labels": {"other": "1"}}})
    found = changes({"gpu": "yes"}, node)
    assert not api.patch_node(NODE, node["metadata"]["resourceVersion"], found)
    assert "gpu" not in cluster.node(NODE)["metadata"]["labels"]


def test_what_is_no_node_is_none(api):
    assert api.node("controller-9") is None


def test_the_account_may_do_nothing_else(api):
    with pytest.raises(Refused, match="forbidden"):
        list(api.listed("secrets cannot be read", "/api/v1/secrets"))
