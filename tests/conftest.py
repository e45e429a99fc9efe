# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests come from the product's own test support."""
pytest_plugins = ["flock.testing.fixtures"]
