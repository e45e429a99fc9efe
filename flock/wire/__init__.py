# SPDX-License-Identifier: Apache-2.0
"""HTTP bodies: resource declarations, rendering, envelopes, paging, json-patch. Start with ``resource.attr``."""
