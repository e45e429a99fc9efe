# SPDX-License-Identifier: Apache-2.0
# Limits of core dumps. systemd-coredump reads them at each crash.
class platform::coredump {
  include platform::coredump::params
  $max_use = $platform::coredump::params::max_use
  $limit = $max_use ? { Undef => '', default => "MaxUse=${max_use}\n" }
  $sizes = "ProcessSizeMax=${platform::coredump::params::process_size_max}
ExternalSizeMax=${platform::coredump::params::external_size_max}
KeepFree=${platform::coredump::params::keep_free}\n"

  file { '/etc/systemd/coredump.conf.d':
    ensure => directory,
    mode   => '0755',
  }
  file { '/etc/systemd/coredump.conf.d/60-flock.conf':
    content => "# Written by the platform's configuration; changes are lost.\n[Coredump]\n${sizes}${limit}",
    mode    => '0644',
  }
}
