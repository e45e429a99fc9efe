# SPDX-License-Identifier: Apache-2.0
"""Addresses of the interfaces of this machine, and telling the neighbours about them."""
