# SPDX-License-Identifier: Apache-2.0
# File system backup, at boots and in service.
class platform::filesystem::backup::runtime {
  include platform::filesystem::backup::params
  platform::filesystem { 'backup':
    ensure     => $platform::filesystem::backup::params::ensure,
    lv_name    => $platform::filesystem::backup::params::lv_name,
    lv_size    => $platform::filesystem::backup::params::lv_size,
    mountpoint => '/opt/backups',
  }
}
