# SPDX-License-Identifier: Apache-2.0
"""The virtual cloud: real Debian hosts in containers, their switches, management controllers and firmware.

Standard library only, so that a machine without any virtual environment can run it with its own /usr/bin/python3.
"""
