# SPDX-License-Identifier: Apache-2.0
"""Profiles: configuration taken from one host, to be applied to others."""
