# SPDX-License-Identifier: Apache-2.0
"""IPMI of a management controller: runs OpenIPMI's ipmi_sim for each host and writes its files and sensor values."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import plan, process
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.process import run
from devstack.virtualcloud.record import Running
from devstack.virtualcloud.sensors import CATALOGUE, Kind, Reading, Sensor
from devstack.virtualcloud.site import Site

HOOK = Path(__file__).with_name("chassishook.py")
PASSWORD_CHARS_MAX = 16  # the limit of IPMI 1.5; 2.0 allows 20
SDR_NAME = "sdr.20.main"
SENSOR_POLL_MS = 1000

# An 8-bit raw reading times `factor` is the value: (factor as decimal, M, exponent of 10, unit, IPMI sensor type).
_SCALES = {
    Kind.TEMPERATURE: (1.0, 1, 0, "degrees_C", 1),
    Kind.FAN: (100.0, 1, 2, "RPM", 4),
    Kind.VOLTAGE: (0.1, 1, -1, "Volts", 2),
    Kind.SUPPLY: (10.0, 1, 1, "Watts", 8),
}


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one host's simulator."""

    folder: Path

    @property
    def lan(self) -> Path:
        """Return the file with address, users and power hook."""
        return self.folder / "lan.conf"

    @property
    def emulation(self) -> Path:
        """Return the file with the controller and its sensors."""
        return self.folder / "emu"

    def sensor(self, name: str) -> Path:
        """Return the file in which the simulator reads a sensor's raw value."""
        return self.folder / f"sensor.{name}"


def raw_value(sensor: Sensor, value: float) -> int:
    """Return the 8-bit raw reading of a value."""
    return max(0, min(255, round(value / _SCALES[sensor.kind][0])))


def lan_text(index: int, name: str, password: str, hook: str) -> str:
    """Return ipmi_sim's LAN configuration."""
    auth = "\n".join(
        f"  allowed_auths_{level} none md2 md5 straight" for level in ("callback", "user", "operator", "admin")
    )
    return f"""name "{name}"
set_working_mc 0x20
 startlan 1
  addr {plan.bmc_address(index)} {plan.IPMI_PORT}
  priv_limit admin
{auth}
  guid f10cf10cf10cf10cf10cf10c000000{index:02x}
 endlan
 chassis_control "{hook}"
 user 1 true "" "" user 10 none md2 md5 straight
 user 2 true "{plan.BMC_USER}" "{password}" admin 10 none md2 md5 straight
"""


def emulation_text(paths: Paths) -> str:
    """Return ipmi_sim's commands: one management controller, its event log, its sensors."""
    lines = [
        "mc_setbmc 0x20",
        "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr",
        "sel_enable 0x20 1000 0x0a",
    ]
    events = "000111111111111"
    for number, sensor in enumerate(CATALOGUE, start=1):
        kind = _SCALES[sensor.kind][4]
        lines.append(f'sensor_add 0x20 0 {number} {kind} 1 poll {SENSOR_POLL_MS} file "{paths.sensor(sensor.name)}"')
        support, values = thresholds(sensor)
        lines.append(
            f"sensor_set_threshold 0x20 0 {number} readable {support} {' '.join(str(value) for value in values)}"
        )
        enabled = f"enable scanning per-state {events} {events} {events} {events}"
        lines.append(f"sensor_set_event_support 0x20 0 {number} {enabled}")
    lines.append("mc_enable 0x20")
    return "\n".join(lines) + "\n"


def thresholds(sensor: Sensor) -> tuple[str, tuple[int, ...]]:
    """Return which of the six IPMI thresholds (unr ucr unc lnr lcr lnc) a sensor has, and their raw values in order."""
    low = [raw_value(sensor, value) for value in sensor.low] if sensor.low is not None else [0, 0]
    high = [raw_value(sensor, value) for value in sensor.high] if sensor.high is not None else [0, 0]
    support = "0" + ("11" if sensor.high is not None else "00") + "0" + ("11" if sensor.low is not None else "00")
    return support, (0, high[1], high[0], 0, low[1], low[0])


def sdr_text(name: str) -> str:
    """Return sensor data records in sdrcomp's language: one per sensor and one for the controller."""
    parts = []
    for number, sensor in enumerate(CATALOGUE, start=1):
        parts.append(_sensor_record(number, sensor))
    parts.append(f"""sdr type 18
 device_slave_address 0x20
 device_channel_number 0
 controller_logs_init false
 log_init false
 gen_events enable_event_msg_gen
 chassis true
 bridge false
 ipmb_event_gen false
 ipmb_event_recv false
 fru_inventory false
 sel true
 sdr true
 sensor true
 entity_id 7
 entity_instance 1
 oem 0
 id_string "{name[:15]}"
endsdr
""")
    return "\n".join(parts)


def _sensor_record(number: int, sensor: Sensor) -> str:
    _, m, exponent, unit, kind = _SCALES[sensor.kind]
    entity = {Kind.TEMPERATURE: 3, Kind.FAN: 29, Kind.VOLTAGE: 7, Kind.SUPPLY: 10}[sensor.kind]
    support, values = thresholds(sensor)
    names = ("unr", "uc", "unc", "lnr", "lc", "lnc")
    limits = [
        f" {name}_thresh {value}" for name, flag, value in zip(names, support, values, strict=True) if flag == "1"
    ]
    readable = [
        f" {side}nr_thrsh_readable false\n {side}c_thrsh_readable {present}\n {side}nc_thrsh_readable {present}"
        for side, present in (("u", _flag(sensor.high)), ("l", _flag(sensor.low)))
    ]
    joined = "\n".join([*readable, *limits])
    return f"""sdr type 1
 sensor_owner_id 0x20
 sensor_owner_lun 0
 channel_number 0
 sensor_number {number}
 entity_id {entity}
 entity_instance {number}
 init_scanning true
 init_events true
 init_thresholds true
 init_hysteresis false
 init_sensor_type true
 default_event_gen_on true
 default_sensor_scan_on true
 sensor_auto_rearm true
 sensor_hysteresis 0
 sensor_threshold_access 1
 sensor_event_msg_ctrl 0
 sensor_type {kind}
 event_reading_type_code 1
{joined}
 analog_data_format unsigned
 rate_unit none
 modifier_unit none
 percentage false
 base_unit {unit}
 linearization linear
 m {m}
 tolerance 0
 b 0
 accuracy 0
 r_exp {exponent}
 b_exp 0
 id_string "{sensor.name}"
endsdr
"""


def _flag(limits: tuple[float, float] | None) -> str:
    return "true" if limits is not None else "false"


class IpmiBmc:
    """The simulator process of one host; restarts with the lab's daemon."""

    def __init__(self, site: Site, name: str, index: int, host_dir: Path) -> None:
        self._site = site
        self._name = name
        self._index = index
        self._paths = Paths(host_dir / "ipmi")
        self._running: Running | None = None

    async def start(self, password: str, readings: Iterable[Reading], cgroup_files: Iterable[str]) -> None:
        """Write the files, compile the sensor records, start the simulator in the BMC namespace."""
        folder = self._paths.folder
        if folder.exists():
            shutil.rmtree(folder)
        state = folder / "state" / "ipmi_sim" / self._name
        state.mkdir(parents=True)
        folder.chmod(0o700)
        hook = f"/usr/bin/python3 -I -S {HOOK} {self._site.socket} {self._name}"
        self._paths.lan.write_text(
            lan_text(self._index, self._name, password[:PASSWORD_CHARS_MAX], hook), encoding="ascii"
        )
        self._paths.emulation.write_text(emulation_text(self._paths), encoding="ascii")
        self.write_sensors(readings)
        source = folder / "sdr.txt"
        source.write_text(sdr_text(self._name), encoding="ascii")
        await run(["sdrcomp", "-o", str(state / SDR_NAME), str(source)])
        argv = [
            "nsenter", f"--net={self._site.namespace_path('bmc')}", "sh", "-c",
            'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"', "sh", *cgroup_files, "--",
            "ipmi_sim", "-c", str(self._paths.lan), "-f", str(self._paths.emulation), "-s", str(folder / "state"), "-n",
        ]  # fmt: skip
        with (folder / "log").open("ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        child.returncode = 0  # collected by stop()
        self._running = Running(child.pid, process.start_ticks(child.pid) or 0, "ipmi")

    def write_sensors(self, readings: Iterable[Reading]) -> None:
        """Write the values that the simulator reads at its next poll."""
        if not self._paths.folder.is_dir():
            return
        for reading in readings:
            path = self._paths.sensor(reading.sensor.name)
            temporary = path.with_suffix(".new")
            temporary.write_text(f"{raw_value(reading.sensor, reading.value)}\n", encoding="ascii")
            temporary.replace(path)

    def stop(self) -> None:
        """Stop the simulator."""
        if self._running is None:
            return
        running, self._running = self._running, None
        process.end_process(running.pid, running.start_ticks, grace_s=0.0)
        process.reap(running.pid)
        if process.is_alive(running.pid, running.start_ticks):
            raise LabError(f"{self._name}: ipmi_sim does not end")
