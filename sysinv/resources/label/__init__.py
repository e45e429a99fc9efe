# SPDX-License-Identifier: Apache-2.0
"""Kubernetes labels of hosts."""
