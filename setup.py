# SPDX-License-Identifier: Apache-2.0
"""Entry for pbr; all metadata is in setup.cfg."""
import setuptools

setuptools.setup(setup_requires=["pbr>=6.0"], pbr=True)
