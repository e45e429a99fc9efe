# SPDX-License-Identifier: Apache-2.0
"""Data networks: the networks of the applications."""
