# SPDX-License-Identifier: Apache-2.0
"""The sentences that say why a service is in its state."""
from sm.contract.states import ActionResult, DependencyKind, ServiceAction
from sm.core.events import ProcessDied, Restart, SetManaged
from sm.core.model import Catalogue, Dependency
from tests.sim.service_catalogues import WARM, group, needs, service
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, Engine, chain, single
from tests.unit.sm.core.local.test_sm_adoption import without

A = ServiceAction
ORDERED = "it shall be active because g is ordered active."


def test_a_service_that_is_not_there():
    assert Engine(single()).explain("nobody") == "nobody is not provisioned on this node."


def test_without_an_order():
    assert Engine(single()).explain("svc") == (
        "svc is disabled; it is left as it is, because the leader has not said yet what it wants of g.")


def test_a_start_and_what_waits_for_it():
    engine = Engine(chain())
    engine.order("active").wait(12_000)
    assert engine.explain("ip") == (
        f"ip is enabling; {ORDERED} It is being started since 12 s; in 288 s that counts as timed out.")
    assert engine.explain("db") == (
        f"db is enabling-throttle; {ORDERED} It waits for ip, which is enabling, to become active.")
    assert engine.answer().explain("db") == f"db is enabled-active; {ORDERED}"


def test_a_place_among_those_that_start():
    engine = Engine(Catalogue({"g": group("g", "ab")}, {name: service(name) for name in "ab"}, enabling_max=1))
    engine.order("active")
    assert engine.explain("b").endswith("It waits for a place among the services that start at the same time:"
                                        " 1 of 1 are taken.")


def test_stopping_waits_for_users():
    engine = Engine(chain()).up()
    engine.order("standby")
    assert engine.explain("db") == ("db is disabling; it shall stand by because g is ordered standby."
                                    " It waits for app, which is disabling, to stop first.")
    engine.done("app", FAILED, reason="exit code 1")
    assert engine.explain("app").endswith("The next attempt to stop it is in 1 s. Last: disable: exit code 1.")
    engine.wait(1_000).done("app")
    assert engine.explain("app") == "app is enabled-standby; it shall stand by because g is ordered standby."


def test_repairs_and_restarts():
    engine = Engine(chain()).up()
    engine.tell(Restart("db"))
    assert engine.explain("db").endswith("to stop first. It is stopped first, with everything that uses it,"
                                         " and then started again.")
    engine.done("app")
    assert engine.explain("app").endswith("It makes way for db, which cannot go down before.")
    engine.answer().tell(ProcessDied("db", "killed by signal 9"))
    assert engine.explain("db").endswith("Its process ended, so it is cleaned up and then started again."
                                         " Last: killed by signal 9.")
    engine.answer().tell(Restart("db", alone=True))
    assert "It is restarted alone, and what uses it goes on." in engine.explain("db")


def test_failed_too_often():
    engine = Engine(single()).up()
    for _ in range(2):
        engine.tell(ProcessDied("svc", "killed")).answer("svc")
    engine.wait(27_000)
    assert engine.explain("svc").startswith(
        f"svc is disabled; {ORDERED} It failed 2 times, and 2 are too many; it is started again when the leader"
        " recovers it or a failure is forgiven in 63 s. It is failed (recovery-failure): 2 of 2 failures,"
        " 0 of 4 failed actions, 0 of 16 failed transitions.")
    engine.order("active", recover=True).done("svc")
    assert engine.explain("svc") == (f"svc is enabled-active; {ORDERED} It is not failed any more, but counts as failed"
                                     " for its group for another 300 s.")


def test_pauses_between_attempts():
    engine = Engine(single())
    engine.order("active").done("svc", FAILED, reason="exit code 1").done("svc")
    assert engine.explain("svc") == (
        f"svc is disabled; {ORDERED} The next attempt is in 1 s. Last: enable: exit code 1.")


def test_given_up():
    engine = Engine(single())
    engine.order("active").done("svc", ActionResult.FATAL, reason="not installed").done("svc")
    assert engine.explain("svc").startswith(f"svc is shutdown; {ORDERED} It has been given up and is not started until"
                                            " an operator restarts it or the leader clears that. It is failed (fatal-")


def test_unmanaged():
    engine = Engine(single()).up()
    engine.tell(SetManaged("svc", False))
    assert engine.explain("svc").endswith("It is unmanaged: nothing is done to it, and it counts as being where it is"
                                          " wanted; something of it may run here.")
    other = Engine(single())
    other.tell(SetManaged("svc", False))
    assert other.explain("svc").endswith("it is proven stopped.")


def test_promotion_and_demotion_wait():
    rows = (Dependency("drbd", A.GO_ACTIVE, "ip", ACTIVE), Dependency("drbd", A.GO_STANDBY, "fs", DISABLED),
            *needs("fs", "drbd"))
    services = {"ip": service("ip"), "drbd": service("drbd", WARM), "fs": service("fs")}
    engine = Engine(Catalogue({"g": group("g", services)}, services, rows))
    engine.order("active").done("drbd")
    assert engine.explain("drbd").endswith("Before go-active it waits for ip, which is enabling.")
    engine.answer().order("standby")
    assert engine.explain("drbd").endswith("Before go-standby it waits for fs, which is disabling.")


def test_a_lasting_dependency():
    engine = Engine(Catalogue({"g": group("g", "ab")}, {name: service(name) for name in "ab"},
                              (Dependency("b", A.ENABLE, "a", ACTIVE, DependencyKind.STATE),)))
    engine.order("active")
    assert engine.explain("b").endswith("It must not be enabled without a, which is enabling.")


def test_removed_and_changed():
    engine = Engine(chain()).up()
    engine.adopt(without(chain(), "app"))
    assert engine.explain("app").startswith("app is disabling; it has been removed from the catalogue and is stopped"
                                            " before it is forgotten. It is being stopped since 0 s;")
    other = Engine(single()).up()
    other.adopt(single(parameters={"ip": "fd00::2"}))
    assert other.explain("svc").startswith(f"svc is disabling; {ORDERED} Its definition has changed, so it is stopped"
                                           " as it was defined before it is started again. It is")
