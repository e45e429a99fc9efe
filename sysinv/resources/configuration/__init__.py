# SPDX-License-Identifier: Apache-2.0
"""Orders to hosts to change their configuration, their results, and the data that hosts have."""
