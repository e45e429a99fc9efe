# SPDX-License-Identifier: Apache-2.0
"""Keeps one directory equal on the controllers: the active node's changes are stored by the others and acknowledged."""
