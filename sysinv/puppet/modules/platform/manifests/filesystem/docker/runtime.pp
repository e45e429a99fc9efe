# SPDX-License-Identifier: Apache-2.0
# File system docker, at boots and in service.
class platform::filesystem::docker::runtime {
  include platform::filesystem::docker::params
  platform::filesystem { 'docker':
    ensure     => $platform::filesystem::docker::params::ensure,
    lv_name    => $platform::filesystem::docker::params::lv_name,
    lv_size    => $platform::filesystem::docker::params::lv_size,
    mountpoint => '/var/lib/docker',
  }
}
