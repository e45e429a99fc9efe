# SPDX-License-Identifier: Apache-2.0
"""Neighbours that hosts' ports learned of by LLDP."""
