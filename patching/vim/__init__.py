# SPDX-License-Identifier: Apache-2.0
"""The orchestration API on port 4545 as clients of StarlingX's VIM know it, and its command line ``sw-manager``."""
