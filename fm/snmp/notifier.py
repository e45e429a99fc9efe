# SPDX-License-Identifier: Apache-2.0
"""Sends notifications to one receiver with pysnmp's SNMP engine, synchronously and within a deadline.

Importing this module imports pysnmp, which is slow and large; ``fm.manager.outputs.snmp`` does so only if needed.
"""
from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

from pysnmp import error
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntforg import NotificationOriginator
from pysnmp.proto.api import v2c

from flock.core.errors import Unavailable
from fm.conf.snmp import Destination
from fm.manager.outputs.output import Undeliverable
from fm.snmp.carrier import Datagrams
from fm.snmp.notifications import notification
from fm.snmp.objects import SNMP_TRAP_OID, SYS_UP_TIME, Value

TARGET = "receiver"
# The engine requires an address but the transport ignores it.
ANY_ADDRESS = ("127.0.0.1", 162)
# An inform to a version 3 receiver may first need exchanges to learn its engine id and clock: timeouts to wait in all.
EXCHANGES_MAX = 4
# pysnmp leaks some hundred octets per version 3 confirmation, so the engine is replaced after so many messages.
ENGINE_MESSAGES_MAX = 10_000
UPTIME_MODULUS = 2**32
MODELS = {"2c": 1, "3": 3}
AUTHENTICATIONS = {
    "none": config.USM_AUTH_NONE, "SHA": config.USM_AUTH_HMAC96_SHA, "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256, "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512}
ENCRYPTIONS = {
    "none": config.USM_PRIV_NONE, "AES": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL, "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL}


class Notifier:
    """Sends the notification of a stored payload to one receiver. Unavailable; Undeliverable when the receiver answers
    with an error status.

    A trap counts as delivered once it is sent without an error, an inform once the receiver confirmed it.
    """

    def __init__(self, destination: Destination, *, engine_id: bytes, boots: int, started_s: float, region_name: str,
                 system_name: str) -> None:
        self._destination = destination
        self._identity = (engine_id, boots, started_s)
        self._started_s = started_s
        self._names = (region_name, system_name)
        self._lock = threading.Lock()
        self._engine: SnmpEngine | None = None
        self._transport: Datagrams | None = None
        self._messages = 0

    def __call__(self, payload: dict[str, Any]) -> None:
        told = notification(payload, *self._names)
        with self._lock:
            uptime = int((time.monotonic() - self._started_s) * 100) % UPTIME_MODULUS
            variables = [(SYS_UP_TIME, v2c.TimeTicks(uptime)), (SNMP_TRAP_OID, v2c.ObjectIdentifier(told.trap_oid)),
                         *((oid, _syntax(value)) for oid, value in told.variables)]
            try:
                self._send(variables)
            except (OSError, error.PySnmpError) as reason:
                # Drop the engine: its cached engine id and clock may belong to a receiver that was replaced.
                self.close()
                raise Unavailable(service=f"SNMP receiver {self._destination.name}", reason=_sentence(reason)) from None

    def close(self) -> None:
        """Close the engine and its socket; the next call makes new ones."""
        engine, transport = self._engine, self._transport
        self._engine = self._transport = None
        if transport is not None:
            transport.close()
        if engine is not None:
            with contextlib.suppress(error.PySnmpError):
                engine.close_dispatcher()

    def _send(self, variables: list[tuple[tuple[int, ...], Any]]) -> None:
        self._messages += 1
        if self._messages % ENGINE_MESSAGES_MAX == 0:
            self.close()
        engine, transport = self._opened()
        transport.discard()
        pdu = v2c.InformRequestPDU() if self._destination.inform else v2c.SNMPv2TrapPDU()
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_varbinds(pdu, variables)
        outcome: list[Any] = []

        def answered(_engine: Any, _handle: Any, failure: Any, answer: Any, _context: Any) -> None:
            outcome.append((failure, answer))

        NotificationOriginator().send_pdu(engine, TARGET, None, self._destination.context_name.encode(), pdu, answered)
        if not self._destination.inform:
            transport.discard()
            return
        deadline_s = float(self._destination.timeout_s) * EXCHANGES_MAX
        if not engine.transport_dispatcher.run_until(lambda: bool(outcome), transport, deadline_s):
            raise error.PySnmpError("no confirmation in time")
        failure, answer = outcome[0]
        if failure is not None:
            raise error.PySnmpError(str(failure))
        status = v2c.apiPDU.get_error_status(answer)
        if status:
            raise Undeliverable(output=f"SNMP receiver {self._destination.name}", reason=status.prettyPrint())

    def _opened(self) -> tuple[SnmpEngine, Datagrams]:
        if self._engine is None or self._transport is None:
            engine, chosen = _engine(*self._identity), self._destination
            transport = Datagrams(chosen.host, chosen.port)
            config.add_transport(engine, udp.DOMAIN_NAME, transport)
            name, level = _authorise(engine, chosen)
            config.add_target_parameters(engine, TARGET, name, level, MODELS[chosen.version])
            config.add_target_address(engine, TARGET, udp.DOMAIN_NAME, ANY_ADDRESS, TARGET, chosen.timeout_s * 100, 0)
            self._engine, self._transport = engine, transport
        return self._engine, self._transport


class _SecondsSince(v2c.Integer32):  # type: ignore[misc]
    """snmpEngineTime for pysnmp, which clones the object without arguments to read the current value.

    pysnmp's own implementation uses the wall clock and restarts with each engine; receivers reject a time that goes
    back.
    """

    started_s = 0.0

    def clone(self, *args: Any, **options: Any) -> Any:
        return super().clone(*(args or (int(time.monotonic() - self.started_s),)), **options)


def _engine(engine_id: bytes, boots: int, started_s: float) -> SnmpEngine:
    """An engine with this identity. Sets it after construction, because the constructor would keep boots in /tmp."""
    engine = SnmpEngine()
    identity, count, clock = engine.get_mib_builder().import_symbols(
        "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots", "snmpEngineTime")
    identity.syntax = identity.syntax.clone(engine_id)
    count.syntax = count.syntax.clone(boots)
    clock.syntax = type("SecondsSince", (_SecondsSince,), {"started_s": started_s})(0)
    engine.snmpEngineID = identity.syntax
    return engine


def _authorise(engine: SnmpEngine, chosen: Destination) -> tuple[str, str]:
    """Configure the receiver's credentials in the engine; returns the security name and level."""
    if chosen.version == "2c":
        config.add_v1_system(engine, TARGET, chosen.community, securityName=TARGET)
        return TARGET, "noAuthNoPriv"
    config.add_v3_user(
        engine, chosen.user_name, AUTHENTICATIONS[chosen.auth_protocol], chosen.auth_key or None,
        ENCRYPTIONS[chosen.priv_protocol], chosen.priv_key or None)
    if chosen.auth_protocol == "none":
        return chosen.user_name, "noAuthNoPriv"
    return chosen.user_name, "authNoPriv" if chosen.priv_protocol == "none" else "authPriv"


def _syntax(value: Value) -> Any:
    return v2c.Integer(value) if isinstance(value, int) else v2c.OctetString(value)


def _sentence(reason: Exception) -> str:
    if isinstance(reason, socket.gaierror):
        return "its name cannot be resolved"
    return str(reason).splitlines()[0] if str(reason) else type(reason).__name__
