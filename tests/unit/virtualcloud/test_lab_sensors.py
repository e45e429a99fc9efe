# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.virtualcloud import ipmi, sensors
from devstack.virtualcloud.errors import NotAvailable
from devstack.virtualcloud.sensors import CATALOGUE, Health


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.name)
def test_words_drive_a_sensor_past_its_limit_and_ok_lets_it_go(item):
    assert sensors.health(item, sensors.driven_value(item, "warning")) is Health.WARNING
    assert sensors.health(item, sensors.driven_value(item, "critical")) is Health.CRITICAL
    assert sensors.driven_value(item, "ok") is None
    assert sensors.health(item, item.nominal) is Health.OK


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.name)
def test_ipmi_raw_values_keep_the_health(item):
    """Rounding to eight bits must not turn a healthy value into an alarm, nor hide a critical one."""
    support, raw_limits = ipmi.thresholds(item)
    limits = dict(zip(("unr", "uc", "unc", "lnr", "lc", "lnc"), zip(support, raw_limits, strict=True), strict=True))
    nominal = ipmi.raw_value(item, item.nominal)
    critical = ipmi.raw_value(item, sensors.driven_value(item, "critical"))
    if item.high is not None:
        assert limits["unc"][0] == "1"
        assert nominal < limits["unc"][1] < limits["uc"][1] <= critical
    else:
        assert limits["uc"][0] == "0"
    if item.low is not None:
        assert limits["lnc"][0] == "1"
        assert nominal > limits["lnc"][1] > limits["lc"][1]


def test_numbers_and_nonsense():
    inlet = sensors.sensor("temp_inlet")
    assert sensors.driven_value(inlet, "41.5") == 41.5
    for bad in ("hot", "nan", "inf", "1e9", ""):
        with pytest.raises(NotAvailable):
            sensors.driven_value(inlet, bad)
    with pytest.raises(NotAvailable, match="no sensor"):
        sensors.sensor("nose")


def test_without_power_only_driven_sensors_are_enabled():
    found = {reading.sensor.name: reading for reading in sensors.readings({"fan_1": 100}, power=False)}
    assert found["fan_1"].enabled and found["fan_1"].health is Health.CRITICAL
    assert not found["fan_2"].enabled and found["fan_2"].health is Health.OK
    assert sensors.worst(tuple(found.values())) is Health.CRITICAL


@given(st.floats(-1000, 100000, allow_nan=False))
def test_health_never_improves_beyond_a_limit(value):
    cpu = sensors.sensor("temp_cpu0")
    order = [Health.OK, Health.WARNING, Health.CRITICAL]
    assert order.index(sensors.health(cpu, value)) <= order.index(sensors.health(cpu, value + 1))
