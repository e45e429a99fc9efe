# SPDX-License-Identifier: Apache-2.0
"""The image for virtual machines: which kernel, which modules in which order, and where it lies."""
import dataclasses

import pytest

from devstack.virtualcloud import guestimage
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.guestimage import guest_image, kernel_package, load_order
from devstack.virtualcloud.site import Site


def test_the_kernel_is_the_one_that_the_meta_package_depends_on():
    shown = "Package: linux-image-amd64\nDepends: linux-image-6.1.0-57-amd64 (= 6.1.192-3)\nSection: kernel\n"
    assert kernel_package(shown) == "linux-image-6.1.0-57-amd64"
    assert kernel_package("Depends: libc6, linux-image-6.1.0-57-rt-amd64\n") == "linux-image-6.1.0-57-rt-amd64"


@pytest.mark.parametrize("shown", ["", "Package: linux-image-amd64\n", "Depends: linux-image-amd64\n"])
def test_without_a_kernel_it_says_what_to_do(shown):
    with pytest.raises(LabError, match="apt-get update"):
        kernel_package(shown)


def test_modules_are_loaded_once_and_in_their_order():
    shown = ("builtin virtio\ninsmod /lib/modules/6.1/a.ko\ninsmod /lib/modules/6.1/b.ko opt=1\n"
             "insmod /lib/modules/6.1/a.ko\ninsmod /lib/modules/6.1/c.ko\n")
    assert load_order(shown) == [f"/lib/modules/6.1/{name}.ko" for name in "abc"]


def test_other_contents_have_another_folder(tmp_path, monkeypatch):
    site = dataclasses.replace(Site(), image_dir=tmp_path, code_dir=tmp_path / "code")
    first = guest_image(site)
    assert first.folder.parent == tmp_path and not first.ready()
    (site.code_dir / "venv").mkdir(parents=True)
    (site.code_dir / "venv/.fingerprint").write_text("other requirements")
    second = guest_image(site)
    monkeypatch.setattr(guestimage, "PACKAGES", ("lvm2", "mdadm"))
    assert len({first.folder, second.folder, guest_image(site).folder}) == 3
