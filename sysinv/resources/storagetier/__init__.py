# SPDX-License-Identifier: Apache-2.0
"""Tiers of storage clusters: OSDs of one kind, which a back end uses."""
