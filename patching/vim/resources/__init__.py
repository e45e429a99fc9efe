# SPDX-License-Identifier: Apache-2.0
"""What the orchestration API serves, by noun."""
