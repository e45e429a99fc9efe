# SPDX-License-Identifier: Apache-2.0
"""SDN controllers: stored for StarlingX's clients. No virtual switch of this product asks them."""
