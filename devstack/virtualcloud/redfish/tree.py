# SPDX-License-Identifier: Apache-2.0
"""Redfish resources rendered from a ServerView: one function per resource, found by path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from devstack.virtualcloud import sensors
from devstack.virtualcloud.redfish.view import ServerView
from devstack.virtualcloud.sensors import Kind, Reading

ROOT = "/redfish/v1"
SYSTEM = f"{ROOT}/Systems/1"
MANAGER = f"{ROOT}/Managers/1"
CHASSIS = f"{ROOT}/Chassis/1"
MEDIA = f"{MANAGER}/VirtualMedia/Cd"
SESSIONS = f"{ROOT}/SessionService/Sessions"
SYSTEM_RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
MANAGER_RESET = f"{MANAGER}/Actions/Manager.Reset"
MEDIA_INSERT = f"{MEDIA}/Actions/VirtualMedia.InsertMedia"
MEDIA_EJECT = f"{MEDIA}/Actions/VirtualMedia.EjectMedia"

RESET_TYPES = ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "GracefulRestart", "PowerCycle", "Nmi")
BOOT_TARGETS = {"none": "None", "pxe": "Pxe", "hdd": "Hdd", "cd": "Cd"}

Json = dict[str, Any]


def link(path: str) -> Json:
    """A reference to another resource."""
    return {"@odata.id": path}


def _resource(path: str, kind: str, ident: str, name: str, **rest: Any) -> Json:
    return {"@odata.id": path, "@odata.type": f"#{kind}", "Id": ident, "Name": name, **rest}


def _collection(path: str, kind: str, name: str, members: Iterable[str]) -> Json:
    links = [link(member) for member in members]
    return {
        "@odata.id": path, "@odata.type": f"#{kind}Collection.{kind}Collection", "Name": name,
        "Members": links, "Members@odata.count": len(links),
    }  # fmt: skip


def _state(reading: Reading) -> Json:
    state = "Enabled" if reading.enabled else "Disabled"
    return {"State": state, "Health": str(reading.health)}


def versions(_view: ServerView) -> Json:
    """`/redfish`: the versions of the protocol."""
    return {"v1": f"{ROOT}/"}


def service_root(view: ServerView) -> Json:
    """The entry point, readable without credentials."""
    return _resource(
        ROOT, "ServiceRoot.v1_5_0.ServiceRoot", "RootService", "Root Service",
        RedfishVersion="1.6.0", UUID=view.uuid, Product="Flock virtual BMC",
        Systems=link(f"{ROOT}/Systems"), Managers=link(f"{ROOT}/Managers"), Chassis=link(f"{ROOT}/Chassis"),
        SessionService=link(f"{ROOT}/SessionService"), Links={"Sessions": link(SESSIONS)},
    )  # fmt: skip


def system(view: ServerView) -> Json:
    """The server itself."""
    override = view.override
    enabled = "Disabled" if override.target == "none" else "Once" if override.once else "Continuous"
    health = str(sensors.worst(view.readings))
    status = {"State": "Enabled" if view.power else "Disabled", "Health": health, "HealthRollup": health}
    return _resource(
        SYSTEM, "ComputerSystem.v1_10_0.ComputerSystem", "1", view.name,
        UUID=view.uuid, SystemType="Physical", Manufacturer="Flock", Model="Virtual Server", HostName=view.name,
        SerialNumber=f"FLK{view.uuid[-12:].upper()}", AssetTag=view.name, BiosVersion="1.0", IndicatorLED="Off",
        PowerState="On" if view.power else "Off", Status=status,
        BootProgress={"LastState": "OSRunning" if view.booted else "None"},
        Boot={
            "BootSourceOverrideEnabled": enabled, "BootSourceOverrideMode": "UEFI",
            "BootSourceOverrideTarget": BOOT_TARGETS[override.target],
            "BootSourceOverrideTarget@Redfish.AllowableValues": list(BOOT_TARGETS.values()),
        },
        ProcessorSummary={
            "Count": view.processors, "LogicalProcessorCount": view.processors, "Model": "Virtual", "Status": status,
        },
        MemorySummary={"TotalSystemMemoryGiB": round(view.memory_mib / 1024, 1), "Status": status},
        EthernetInterfaces=link(f"{SYSTEM}/EthernetInterfaces"), Processors=link(f"{SYSTEM}/Processors"),
        Memory=link(f"{SYSTEM}/Memory"), Storage=link(f"{SYSTEM}/Storage"),
        Links={"Chassis": [link(CHASSIS)], "ManagedBy": [link(MANAGER)]},
        Actions={"#ComputerSystem.Reset": {
            "target": SYSTEM_RESET, "ResetType@Redfish.AllowableValues": list(RESET_TYPES),
        }},
    )  # fmt: skip


def manager(view: ServerView) -> Json:
    """The management controller itself."""
    return _resource(
        MANAGER, "Manager.v1_5_0.Manager", "1", f"{view.name} BMC",
        ManagerType="BMC", Model="Flock virtual BMC", FirmwareVersion="1.0", UUID=view.uuid, PowerState="On",
        Status={"State": "Enabled", "Health": "OK"}, VirtualMedia=link(f"{MANAGER}/VirtualMedia"),
        EthernetInterfaces=link(f"{MANAGER}/EthernetInterfaces"),
        Links={"ManagerForServers": [link(SYSTEM)], "ManagerForChassis": [link(CHASSIS)]},
        Actions={"#Manager.Reset": {
            "target": MANAGER_RESET, "ResetType@Redfish.AllowableValues": ["ForceRestart", "GracefulRestart"],
        }},
    )  # fmt: skip


def media(view: ServerView) -> Json:
    """The virtual drive."""
    inserted = bool(view.media)
    return _resource(
        MEDIA, "VirtualMedia.v1_3_0.VirtualMedia", "Cd", "Virtual CD",
        MediaTypes=["CD", "DVD"], Image=view.media or None, ImageName=view.media.rpartition("/")[2] or None,
        Inserted=inserted, WriteProtected=True, ConnectedVia="URI" if inserted else "NotConnected",
        Actions={
            "#VirtualMedia.InsertMedia": {"target": MEDIA_INSERT}, "#VirtualMedia.EjectMedia": {"target": MEDIA_EJECT},
        },
    )  # fmt: skip


def chassis(view: ServerView) -> Json:
    """The chassis with its sensors."""
    health = str(sensors.worst(view.readings))
    return _resource(
        CHASSIS, "Chassis.v1_9_0.Chassis", "1", f"{view.name} chassis",
        ChassisType="RackMount", Manufacturer="Flock", Model="Virtual Server", UUID=view.uuid, IndicatorLED="Off",
        PowerState="On" if view.power else "Off", Status={"State": "Enabled", "Health": health, "HealthRollup": health},
        Thermal=link(f"{CHASSIS}/Thermal"), Power=link(f"{CHASSIS}/Power"),
        Links={"ComputerSystems": [link(SYSTEM)], "ManagedBy": [link(MANAGER)]},
    )  # fmt: skip


def _thresholds(reading: Reading) -> Json:
    low, high = reading.sensor.low or (None, None), reading.sensor.high or (None, None)
    return {
        "LowerThresholdNonCritical": low[0], "LowerThresholdCritical": low[1],
        "UpperThresholdNonCritical": high[0], "UpperThresholdCritical": high[1],
    }  # fmt: skip


def _entries(view: ServerView, path: str, kind: Kind, render: Callable[[Reading], Json]) -> list[Json]:
    found: list[Json] = []
    for reading in view.readings:
        if reading.sensor.kind is kind:
            entry = {
                "@odata.id": f"{path}/{len(found)}", "MemberId": str(len(found)), "Name": reading.sensor.name,
                "Status": _state(reading), **render(reading),
            }  # fmt: skip
            found.append(entry)
    return found


def _value(reading: Reading) -> float | None:
    return reading.value if reading.enabled else None


def thermal(view: ServerView) -> Json:
    """Temperatures and fans."""
    path = f"{CHASSIS}/Thermal"
    return _resource(
        path, "Thermal.v1_6_0.Thermal", "Thermal", "Thermal",
        Temperatures=_entries(view, f"{path}#/Temperatures", Kind.TEMPERATURE, lambda reading: {
            "SensorNumber": 1, "ReadingCelsius": _value(reading),
            "PhysicalContext": "Intake" if "inlet" in reading.sensor.name else "CPU", **_thresholds(reading),
        }),
        Fans=_entries(view, f"{path}#/Fans", Kind.FAN, lambda reading: {
            "FanName": reading.sensor.name, "Reading": None if _value(reading) is None else int(reading.value),
            "ReadingUnits": "RPM", "PhysicalContext": "Backplane", **_thresholds(reading),
        }),
    )  # fmt: skip


def power(view: ServerView) -> Json:
    """Voltages, power supplies and power consumption."""
    path = f"{CHASSIS}/Power"
    drawn = sum(item.value for item in view.readings if item.sensor.kind is Kind.SUPPLY and item.enabled)
    return _resource(
        path, "Power.v1_5_0.Power", "Power", "Power",
        PowerControl=[{
            "@odata.id": f"{path}#/PowerControl/0", "MemberId": "0", "Name": "Server power",
            "PowerConsumedWatts": drawn,
            "Status": {"State": "Enabled", "Health": "OK"},
        }],
        Voltages=_entries(view, f"{path}#/Voltages", Kind.VOLTAGE, lambda reading: {
            "ReadingVolts": _value(reading), "PhysicalContext": "SystemBoard", **_thresholds(reading),
        }),
        PowerSupplies=_entries(view, f"{path}#/PowerSupplies", Kind.SUPPLY, lambda reading: {
            "PowerSupplyType": "AC", "LineInputVoltage": 230, "PowerCapacityWatts": 750,
            "LastPowerOutputWatts": _value(reading), "Model": "Virtual", "SerialNumber": reading.sensor.name.upper(),
        }),
    )  # fmt: skip


def _nic(path: str, number: int, name: str, mac: str, power_on: bool) -> Json:
    return _resource(
        path, "EthernetInterface.v1_5_0.EthernetInterface", str(number), name,
        MACAddress=mac, PermanentMACAddress=mac, InterfaceEnabled=True, LinkStatus="LinkUp" if power_on else "NoLink",
        Status={"State": "Enabled", "Health": "OK"},
    )  # fmt: skip


def _processor(path: str, number: int, view: ServerView) -> Json:
    return _resource(
        path, "Processor.v1_5_0.Processor", str(number), f"CPU {number}",
        ProcessorType="CPU", ProcessorArchitecture="x86", InstructionSet="x86-64", Manufacturer="Flock",
        Model="Virtual", TotalCores=view.processors, TotalThreads=view.processors,
        Status={"State": "Enabled", "Health": "OK"},
    )  # fmt: skip


def resources(view: ServerView) -> dict[str, Json]:
    """Return every resource by path, without a trailing slash, except sessions, which the server keeps."""
    nics = [f"{SYSTEM}/EthernetInterfaces/{number}" for number in range(1, len(view.nics) + 1)]
    bmc_nic, processor = f"{MANAGER}/EthernetInterfaces/1", f"{SYSTEM}/Processors/1"
    found = {
        "/redfish": versions(view),
        ROOT: service_root(view),
        f"{ROOT}/Systems": _collection(f"{ROOT}/Systems", "ComputerSystem", "Systems", [SYSTEM]),
        SYSTEM: system(view),
        f"{SYSTEM}/EthernetInterfaces": _collection(f"{SYSTEM}/EthernetInterfaces", "EthernetInterface", "Ports", nics),
        f"{SYSTEM}/Processors": _collection(f"{SYSTEM}/Processors", "Processor", "Processors", [processor]),
        processor: _processor(processor, 1, view),
        f"{SYSTEM}/Memory": _collection(f"{SYSTEM}/Memory", "Memory", "Memory", []),
        f"{SYSTEM}/Storage": _collection(f"{SYSTEM}/Storage", "Storage", "Storage", []),
        f"{ROOT}/Managers": _collection(f"{ROOT}/Managers", "Manager", "Managers", [MANAGER]),
        MANAGER: manager(view),
        f"{MANAGER}/EthernetInterfaces": _collection(
            f"{MANAGER}/EthernetInterfaces", "EthernetInterface", "Ports", [bmc_nic]
        ),
        f"{MANAGER}/VirtualMedia": _collection(f"{MANAGER}/VirtualMedia", "VirtualMedia", "Virtual media", [MEDIA]),
        MEDIA: media(view),
        f"{ROOT}/Chassis": _collection(f"{ROOT}/Chassis", "Chassis", "Chassis", [CHASSIS]),
        CHASSIS: chassis(view),
        f"{CHASSIS}/Thermal": thermal(view),
        f"{CHASSIS}/Power": power(view),
        f"{ROOT}/SessionService": _resource(
            f"{ROOT}/SessionService", "SessionService.v1_1_6.SessionService", "SessionService", "Session Service",
            ServiceEnabled=True, SessionTimeout=1800, Status={"State": "Enabled", "Health": "OK"},
            Sessions=link(SESSIONS),
        ),
    }  # fmt: skip
    for number, (path, nic) in enumerate(zip(nics, view.nics, strict=True), start=1):
        found[path] = _nic(path, number, nic.name, nic.mac, view.power)
    found[bmc_nic] = _nic(bmc_nic, 1, "bmc", view.bmc_mac, True) | {"IPv4Addresses": [{"Address": view.bmc_address}]}
    return found
