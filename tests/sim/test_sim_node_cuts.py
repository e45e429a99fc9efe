# SPDX-License-Identifier: Apache-2.0
"""Every combination of cut ports of three paths on both controllers, with whole nodes, switches or direct cables, and
every kind of arbiter: who is active a while later, and after healing. The unit suite tries a sample, the soak all."""
from itertools import combinations, product

import pytest

from flock.sim import scaled
from sm.contract.states import Policy
from sm.core.paths import WEIGHTS
from tests.sim.domainworld import PATHS, lab
from tests.sim.scenarioworld import Site

pytestmark = pytest.mark.soak

FIRST, SECOND = "controller-0", "controller-1"
PORTS = [(node, path) for node in (FIRST, SECOND) for path in PATHS]
CUTS = [frozenset(chosen) for count in range(len(PORTS) + 1) for chosen in combinations(PORTS, count)]
KINDS = {
    "fence": {},
    "witness": {"witness": True, "bmc": False},
    "witness-and-fence": {"witness": True},
    "no-arbiter": {"bmc": False},
    "no-arbiter-promote": {"bmc": False, "policy": Policy.PROMOTE},
}
TABLE = [(mode, kind, cut) for cut, mode, kind in product(CUTS, ("duplex", "duplex-direct"), KINDS)]
SAMPLE = TABLE if scaled(1) > 1 else TABLE[::-49]
LASTS_MS = 40_000


class Case:
    """One row of the table: what the controllers have lost, and what follows for them."""

    def __init__(self, mode, kind, cut):
        self.kind, self.cut = kind, cut
        cables = PATHS[:2] if mode == "duplex-direct" else ()
        dead = {path for path in PATHS if {(FIRST, path), (SECOND, path)} & cut}
        self.lost = {node: {path for path in PATHS if (node, path) in cut or (path in cables and path in dead)}
                     for node in (FIRST, SECOND)}
        self.deaf = dead == set(PATHS)
        self.switched = set(PATHS) - set(cables)

    def at_fault(self, node):
        """Whether a node that hears nobody must take its own networks for the cause."""
        lost = sum(WEIGHTS[path] for path in self.lost[node] & self.switched)
        return 2 * lost > sum(WEIGHTS[path] for path in self.switched)

    def reaches_witness(self, node):
        return any((node, path) not in self.cut for path in PATHS)

    def weight(self, node):
        return sum(WEIGHTS[path] for path in self.lost[node])

    @property
    def expected(self):
        """The active controller; controller-0 was active before."""
        if not self.deaf:
            return SECOND if self.weight(SECOND) < self.weight(FIRST) else FIRST
        if self.kind.startswith("witness"):
            return FIRST if self.reaches_witness(FIRST) else SECOND if self.reaches_witness(SECOND) else ""
        if self.kind == "fence":
            return SECOND if self.at_fault(FIRST) and not self.at_fault(SECOND) else FIRST
        if self.kind == "no-arbiter-promote":
            return "" if self.at_fault(SECOND) else SECOND
        return FIRST


def shown(value):
    """A word of a row, or its ports, such as ``0mgmt-1oam``."""
    return value if isinstance(value, str) else "-".join(f"{node[-1]}{path}" for node, path in sorted(value)) or "none"


@pytest.mark.parametrize(("mode", "kind", "cut"), SAMPLE, ids=shown)
def test_one_is_active_where_one_can_be(mode, kind, cut):
    case = Case(mode, kind, cut)
    site = Site(mode, seed=TABLE.index((mode, kind, cut)), timing=lab(), **KINDS[kind]).begin()
    hosts = {host.name: host for host in site.controllers}
    site.cut(*((hosts[node], path) for node, path in cut))
    site.world.run(LASTS_MS)
    assert site.serving() == ([case.expected] if case.expected else []), site.where()
    if case.expected:
        assert site.active_is(hosts[case.expected]), site.where()
    site.mend()
    site.until(site.redundant, LASTS_MS)


def test_the_sample_has_every_kind_of_row():
    assert {kind for _, kind, _ in SAMPLE} == set(KINDS)
    assert {mode for mode, _, _ in SAMPLE} == {"duplex", "duplex-direct"}
    assert {Case(*row).expected for row in SAMPLE} == {FIRST, SECOND, ""}
    assert {Case(*row).deaf for row in SAMPLE} == {True, False}
