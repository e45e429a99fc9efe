# SPDX-License-Identifier: Apache-2.0
"""The engines of the groups and services of one node; ``step`` is the way in."""
