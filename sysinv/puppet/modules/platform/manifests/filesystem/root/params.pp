# SPDX-License-Identifier: Apache-2.0
# Size in GiB of file system root; see platform::filesystem.
class platform::filesystem::root::params (
  String                             $lv_name = '',
  Integer[0]                         $lv_size = 0,
  Enum['present', 'grown', 'absent'] $ensure  = 'grown',
) {
}
