# SPDX-License-Identifier: Apache-2.0
# Limits of core dumps, such as 2G.
class platform::coredump::params (
  Pattern[/\A[0-9]+[KMGT]?\z/]           $process_size_max  = '2G',
  Pattern[/\A[0-9]+[KMGT]?\z/]           $external_size_max = '2G',
  Optional[Pattern[/\A[0-9]+[KMGT]?\z/]] $max_use           = undef,
  Pattern[/\A[0-9]+[KMGT]?\z/]           $keep_free         = '1G',
) {
}
