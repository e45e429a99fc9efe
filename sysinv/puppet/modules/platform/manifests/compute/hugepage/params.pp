# SPDX-License-Identifier: Apache-2.0
# Huge pages of each size by NUMA node.
class platform::compute::hugepage::params (
  Hash[String, Integer] $nr_hugepages_2M = {},
  Hash[String, Integer] $nr_hugepages_1G = {},
) {
}
