# SPDX-License-Identifier: Apache-2.0
"""``storage_backends``, and the collections of each type with the fields that only that type has."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Integer, Text, Uuid
from sysinv.contract.enums import BackendState, BackendType
from sysinv.resources.storagebackend.rules import NAME_LENGTH_MAX, NAME_PATTERN

NAME = Text(NAME_LENGTH_MAX, 1, NAME_PATTERN,
            "Value may have letters, digits, '_', '.' and '-', begins with a letter or digit, and is not a number.")
# Services in a list that is separated by commas.
SERVICES = Text(255, 0, r"[a-z, \-]*", "Value must be names of services, separated by commas.")
NETWORKS = ("mgmt", "cluster-host")
GIB = Integer(0, 2**20)


class StorageBackend(Record):
    """One storage back end. ``task`` tells what goes on; ``error`` why its configuration failed."""

    envelope = "storage_backends"
    path = "storage_backend"
    name = attr(NAME, nullable=False)
    backend = attr(BackendType, writer=SYSTEM, nullable=False)
    state = attr(BackendState, writer=SYSTEM, nullable=False)
    task = attr(str, writer=SYSTEM)
    services = attr(SERVICES, nullable=False)
    capabilities = attr(dict, nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)
    network = attr(NETWORKS)
    error = attr(str, writer=SYSTEM)


class CephBackend(StorageBackend):
    """A Ceph cluster on hosts of the system; sizes in GiB."""

    envelope = "storage_ceph"
    path = "storage_ceph"
    cinder_pool_gib = attr(GIB)
    glance_pool_gib = attr(GIB)
    ephemeral_pool_gib = attr(GIB)
    object_pool_gib = attr(GIB)
    kube_pool_gib = attr(GIB)
    object_gateway = attr(bool, nullable=False)
    ceph_total_space_gib = attr(int, writer=SYSTEM, nullable=False)
    tier_id = attr(int, writer=SYSTEM)
    tier_name = attr(str, writer=SYSTEM)
    tier_uuid = attr(str, writer=SYSTEM)


class RookBackend(StorageBackend):
    """A Ceph cluster that the application rook-ceph makes; ``capabilities`` tell its layout."""

    envelope = "storage_ceph_rook"
    path = "storage_ceph_rook"


class ExternalCephBackend(StorageBackend):
    """A Ceph cluster elsewhere."""

    envelope = "storage_ceph_external"
    path = "storage_ceph_external"
    ceph_conf = attr(Text(255))


class LvmBackend(StorageBackend):
    """LVM volumes."""

    envelope = "storage_lvm"
    path = "storage_lvm"


class FileBackend(StorageBackend):
    """Files of the controllers."""

    envelope = "storage_file"
    path = "storage_file"


class ExternalBackend(StorageBackend):
    """The storage services of another region."""

    envelope = "storage_external"
    path = "storage_external"


class NewBackend(Resource):
    """Body of the POST of any type; ``confirmed`` says that the operator has read the warning."""

    name = attr(NAME)
    backend = attr(BackendType)
    services = attr(SERVICES)
    capabilities = attr(dict)
    confirmed = attr(bool)
    network = attr(NETWORKS)


class NewCephBackend(NewBackend):
    """Body of ``POST /v1/storage_ceph``; ``tier_uuid``: a tier of the cluster other than the default one."""

    tier_uuid = attr(Uuid())
    cinder_pool_gib = attr(GIB)
    glance_pool_gib = attr(GIB)
    ephemeral_pool_gib = attr(GIB)
    object_pool_gib = attr(GIB)
    kube_pool_gib = attr(GIB)
    object_gateway = attr(bool)


class NewExternalCephBackend(NewBackend):
    """Body of ``POST /v1/storage_ceph_external``."""

    ceph_conf = attr(Text(255, 1))
