# SPDX-License-Identifier: Apache-2.0
"""Pure rules of target and applied configuration: what a host still has to apply, and what follows from its results.

A change makes one order for each host that it concerns. Orders of a host are settled in their sequence; the newest
names the host's target. StarlingX marks a target that needs a reboot by the top bit of its UUID, and clients see it so.
"""
from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flock.core.text import storable
from sysinv.contract.records import ConfigurationResult

REBOOT_BIT = 1 << 127
CLASSES_MAX = 64
ERROR_MAX = 1024
# Of what a host sends.
FAILURES_MAX, NAMED_MAX = 50, 1000
UPTIME_MAX_S = 2**31 - 1
OUT_OF_DATE = "Config out-of-date"
"""``config_status`` of a host that does not have what it should have; StarlingX's words."""
ALARM_ID = "250.001"


class OrderState(enum.StrEnum):
    """StarlingX's states of ``runtime_config``. ``retried``: still waits, and was sent again because it took long."""

    PENDING = "pending"
    APPLIED = "applied"
    FAILED = "failed"
    RETRIED = "retried"


WAITING = frozenset({OrderState.PENDING, OrderState.RETRIED})


@dataclass(frozen=True, slots=True)
class Change:
    """One change that concerns hosts: all of them, those with one of ``personalities``, or those of ``host_uuids``.

    ``classes``: the Puppet classes that carry it out, in their order. ``reboot_required``: it has its effect only after
    a lock and an unlock. ``held``: hosts wait with it until an operator releases it, or until they boot. ``reason`` is
    what operators read, such as ``DNS servers``.
    """

    reason: str
    classes: tuple[str, ...] = ()
    personalities: tuple[str, ...] = ()
    host_uuids: tuple[str, ...] = ()
    reboot_required: bool = False
    held: bool = False

    def concerns(self, host_uuid: str, personality: str | None, subfunctions: Iterable[str]) -> bool:
        """Return whether the change is one of this host."""
        if self.host_uuids:
            return host_uuid in self.host_uuids
        return not self.personalities or bool({personality, *subfunctions} & set(self.personalities))


@dataclass(frozen=True, slots=True)
class Order:
    """A stored order that is not applied yet. ``whole``: the host's whole configuration, applied while it boots.

    ``ran``: its classes ran; it only waits for a boot. ``alarm_at``: until then nobody needs to know that it waits.
    """

    id: int
    config_uuid: str
    reason: str
    state: OrderState
    classes: tuple[str, ...]
    reboot_required: bool
    whole: bool
    ran: bool
    created_at: datetime.datetime
    alarm_at: datetime.datetime
    error: str | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What results change: columns of orders by id, and the applied configuration (None: as before)."""

    orders: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    applied: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of Puppet did with classes, for the resources that they carry out.

    ``classes``: those that ran and do not run again soon; ``failures``: errors by class, that of the whole run under
    the empty name; ``whole``: the run was that of a boot.
    """

    classes: frozenset[str] = frozenset()
    failures: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    def error_of(self, *names: str) -> str | None:
        """Return the error of the first of these classes that has one, empty when none has; None when none ran."""
        ran = [name for name in names if name in self.classes]
        if not ran:
            return None
        return self.failures.get("") or next((self.failures[name] for name in ran if name in self.failures), "")


def new_uuid(fresh: uuid.UUID, *, reboot_required: bool) -> str:
    """Return ``fresh`` as the name of a configuration, with StarlingX's mark when it needs a reboot."""
    number = fresh.int | REBOOT_BIT if reboot_required else fresh.int & ~REBOOT_BIT
    return str(uuid.UUID(int=number))


def needs_reboot(config_uuid: str) -> bool:
    """Return whether the name of a configuration says that it needs a reboot."""
    return bool(uuid.UUID(config_uuid).int & REBOOT_BIT)


def unmarked(config_uuid: str) -> str:
    """Return the name without that mark."""
    return new_uuid(uuid.UUID(config_uuid), reboot_required=False)


def target_after(fresh: uuid.UUID, change_needs_reboot: bool, open_orders: Sequence[Order]) -> str:
    """Return the host's new target. It keeps the mark while an earlier order still waits for a boot."""
    owed = any(order.reboot_required for order in open_orders)
    return new_uuid(fresh, reboot_required=change_needs_reboot or owed)


def is_current(applied: str | None, target: str | None) -> bool:
    """Return whether a host has what it should have; a host without target should have nothing."""
    return target is None or applied == target


def runnable(orders: Sequence[Order]) -> list[Order]:
    """Return the orders whose classes the host runs at once, oldest first; failed ones run again with the next."""
    waiting = [order for order in orders if not order.whole and not order.ran and not order.held
               and order.state is not OrderState.APPLIED]
    return sorted(waiting, key=lambda order: order.id)


def is_in_boot(order: Order, classes: Sequence[str]) -> bool:
    """Return whether a host that applies its whole configuration, of these ``classes``, has carried out the order."""
    return order.whole or order.reboot_required or set(order.classes) <= set(classes)


def booted_without(orders: Sequence[Order], booted_at: datetime.datetime) -> bool:
    """Return whether a host booted after an order for its boot, and did not have the order then."""
    return any((order.whole or order.reboot_required) and order.state in WAITING and order.created_at <= booted_at
               for order in orders)


def boot_time(uptime_s: int, now: datetime.datetime) -> datetime.datetime:
    """Return when a host booted that has been up for so many seconds."""
    return now - datetime.timedelta(seconds=max(0, min(uptime_s, UPTIME_MAX_S)))


def classes_of(orders: Sequence[Order]) -> list[str]:
    """Return the classes of ``orders`` in their sequence, each once: many changes in a row make one run."""
    return list(dict.fromkeys(name for order in orders for name in order.classes))


def settle(orders: Sequence[Order], target: str | None, result: ConfigurationResult,
           now: datetime.datetime) -> Settled:
    """Return what one result of a host changes.

    An order that needs a reboot is settled by a run of the whole configuration in a boot that began after the order;
    the host's uptime tells when that was. Results about orders that are unknown or settled change nothing.
    """
    named, booted_at = frozenset(result.config_uuids[:NAMED_MAX]), boot_time(result.uptime_s, now)
    failures = {one.name: one.error for one in result.failures[:FAILURES_MAX]}
    changed: dict[int, Mapping[str, object]] = {}
    open_after: list[Order] = []
    for order in sorted(orders, key=lambda one: one.id):
        if order.config_uuid not in named:
            open_after.append(order)
            continue
        error = result.error or "; ".join(
            f"{name}: {failures[name]}" for name in failures if order.whole or name in order.classes)
        if error:
            changed[order.id] = {"state": OrderState.FAILED, "error": storable(error, ERROR_MAX), "settled_at": now}
            open_after.append(order)
        elif order.reboot_required and not (result.whole and order.created_at <= booted_at):
            # The classes ran; what they changed has its effect after a boot.
            changed[order.id] = {"ran_at": now, "error": None, "state": OrderState.PENDING}
            open_after.append(order)
        else:
            changed[order.id] = {"state": OrderState.APPLIED, "error": None, "settled_at": now}
    if not changed or target is None:
        return Settled(changed)
    if not open_after:
        return Settled(changed, target)
    ran = {row_id for row_id, values in changed.items() if "ran_at" in values}
    waits_for_boot = all(order.reboot_required and (order.ran or order.id in ran) for order in open_after)
    return Settled(changed, unmarked(target) if waits_for_boot and needs_reboot(target) else None)


def outcome(orders: Sequence[Order], result: ConfigurationResult, boot_classes: Iterable[str]) -> Outcome:
    """Return what a result says about classes. ``orders``: those that were open before it.

    A class of an order that still waits runs again; the next result tells about it.
    """
    named = frozenset(result.config_uuids[:NAMED_MAX])
    ran = set(boot_classes) if result.whole else set(classes_of([one for one in orders if one.config_uuid in named]))
    again = set(classes_of([one for one in orders if one.config_uuid not in named and one.state in WAITING]))
    failures = {one.name: one.error or "failed" for one in result.failures[:FAILURES_MAX]}
    if result.error:
        failures[""] = result.error
    return Outcome(frozenset(ran - again), failures, result.whole)


def alarm_reason(hostname: str, applied: str | None, target: str | None, open_orders: Sequence[Order],
                 now: datetime.datetime) -> str | None:
    """Return the text of alarm 250.001, None while nobody needs to act: a change that is being applied is no alarm."""
    if is_current(applied, target):
        return None
    due = [order for order in open_orders if order.state is OrderState.FAILED or order.alarm_at <= now]
    if not due:
        return None
    failed = next((order for order in due if order.state is OrderState.FAILED), None)
    cause = "" if failed is None else f" {failed.reason}: {failed.error}"
    return f"{hostname} Configuration is out-of-date. (applied: {applied or 'none'} target: {target}){cause}"


def merged(before: Mapping[str, object], rendered: Mapping[str, object],
           prefixes: Sequence[str] | None) -> dict[str, object]:
    """Return the data that a host has after a run: all that was ``rendered``, or only the keys below ``prefixes``."""
    if prefixes is None:
        return dict(rendered)
    replaced = of_classes(before, prefixes)
    return {key: before[key] for key in before if key not in replaced} | of_classes(rendered, prefixes)


def of_classes(data: Mapping[str, object], prefixes: Iterable[str]) -> dict[str, object]:
    """Return the parameters of these classes: a key is the name of a class, ``::`` and the name of the parameter."""
    wanted = frozenset(prefixes)
    return {key: value for key, value in data.items() if key.rpartition("::")[0] in wanted}


def differences(before: Mapping[str, object], wanted: Mapping[str, object]) -> list[dict[str, object]]:
    """Return ``{"key", "applied", "wanted"}`` for each key whose values differ, sorted; None stands for no value.

    A mapping counts as one key for each of its entries, such as ``a::b[eth0][mtu]``.
    """
    old, new = dict(_flat("", before)), dict(_flat("", wanted))
    return [{"key": key, "applied": old.get(key), "wanted": new.get(key)}
            for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


def _flat(prefix: str, data: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, Mapping) and value:
            yield from _flat(name, value)
        else:
            yield name, value
