# SPDX-License-Identifier: Apache-2.0
"""Software management: signed releases, their deployment to every host, and its orchestration."""
