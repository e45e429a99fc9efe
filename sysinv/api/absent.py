# SPDX-License-Identifier: Apache-2.0
"""Paths of StarlingX's configuration API that this release does not serve. Remove an entry with its implementation."""
from __future__ import annotations

from flock.api.absent import Absent


def _of(*collections: str, hosts: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (*(f"/v1/{name}" for name in collections), *(f"/v1/ihosts/*/{name}" for name in (*collections, *hosts)),
            *more)


ABSENT = (
    # Paths whose clients read {"error": …} come first, because some of them lie below other paths.
    Absent("Licences", ("/v1/license",), error_key=True),
    Absent("Certificates", ("/v1/certificate/certificate_install",), error_key=True),
    Absent("Uploads of Ceph configurations", ("/v1/storage_ceph_external/ceph_conf_upload",), error_key=True),
    Absent("Images of devices", ("/v1/device_images",), error_key=True),
    Absent("Root certificates of Kubernetes", ("/v1/kube_rootca_update", "/v1/kube_rootca_host_update"),
           error_key=True),
    Absent("Kubelet configurations", ("/v1/kube_config_kubelet",), error_key=True),
    Absent("Wipes of disks", ("/v1/ihosts/wipe_osds", "/v1/ihosts/wipe_lvm_mode")),
    Absent("Second address pools of networks", ("/v1/network_addresspools",)),
    Absent("File systems of controllers", _of("controller_fs", more=("/v1/isystems/*/controller_fs",))),
    Absent("Labels of devices", _of("device_labels")),
    Absent("States of device images", ("/v1/device_image_state",)),
    Absent("Changes of OAM addresses", ("/v1/iextoam",)),
    Absent("Images of the local registry", ("/v1/registry_image",)),
    Absent("Fernet keys", ("/v1/fernet_repo",)),
    Absent("Certificates", ("/v1/certificate",)),
    Absent("Applications", (
        "/v1/apps", "/v1/helm_charts", "/v1/evaluate_apps_reapply", "/v1/query_compatible_apps", "/v1/reorder_apps",
        "/v1/flux")),
    Absent("Kubernetes clusters and their upgrades", (
        "/v1/kube_clusters", "/v1/kube_cmd_versions", "/v1/kube_host_upgrades", "/v1/kube_upgrade",
        "/v1/kube_versions", *_of(hosts=("kube_update_ca", "kube_upgrade_control_plane", "kube_upgrade_kubelet")))),
    Absent("Software loads and upgrades", ("/v1/loads", "/v1/upgrade")),
    Absent("Upgrades of a host", _of(hosts=("upgrade", "downgrade")), starlingx_text="This API is deprecated."),
    Absent("Restores", ("/v1/restore",)),
    Absent("Calls of the VIM and of installers by MAC address", _of(hosts=("vim", "mgmt_ip"))),
)
