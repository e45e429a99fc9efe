# SPDX-License-Identifier: Apache-2.0
"""Service management: decides which controller is active, and keeps its services running."""
