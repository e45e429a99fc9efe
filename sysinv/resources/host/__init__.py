# SPDX-License-Identifier: Apache-2.0
"""Hosts: identity, states, actions."""
