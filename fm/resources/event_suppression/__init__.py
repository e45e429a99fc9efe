# SPDX-License-Identifier: Apache-2.0
"""Suppression of alarm ids by the operator."""
