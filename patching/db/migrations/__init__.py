# SPDX-License-Identifier: Apache-2.0
"""Alembic history of the patching database."""
