# SPDX-License-Identifier: Apache-2.0
# File system ceph, at boots and in service.
class platform::filesystem::ceph::runtime {
  include platform::filesystem::ceph::params
  platform::filesystem { 'ceph':
    ensure     => $platform::filesystem::ceph::params::ensure,
    lv_name    => $platform::filesystem::ceph::params::lv_name,
    lv_size    => $platform::filesystem::ceph::params::lv_size,
    mountpoint => '/var/lib/ceph/data',
  }
}
