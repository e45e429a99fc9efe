# SPDX-License-Identifier: Apache-2.0
import pytest

from patching.instances import interface
from patching.instances.interface import DRIVERS, InstanceDriver, Workload


def test_a_cloud_without_instances_opens_and_closes_hosts_without_effect() -> None:
    driver = interface.load("none", None)
    assert driver.look() == Workload()
    driver.close_host("compute-0")
    driver.open_host("compute-0")
    for begin in (driver.move, driver.confirm_move, driver.stop, driver.start):
        begin("instance")
    assert driver.look() == Workload()


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_each_driver_is_a_module_with_all_that_is_asked_of_it(name: str) -> None:
    wanted = {part for part in vars(InstanceDriver) if not part.startswith("_")}
    module = __import__(DRIVERS[name], fromlist=["driver"])
    assert callable(module.driver)
    classes = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    assert any(wanted <= set(dir(kind)) for kind in classes)
