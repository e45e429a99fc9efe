# SPDX-License-Identifier: Apache-2.0
# Tells services of the host which CPUs the platform uses.
class platform::compute::cpus {
  include platform::compute::params
  $platform_cpus = $platform::compute::params::platform_cpus
  $isolated_cpus = $platform::compute::params::isolated_cpus

  file { '/etc/platform/worker_reserved.conf':
    content => "# Written by the platform's configuration; changes are lost.\nPLATFORM_CPU_LIST=\"${platform_cpus}\"\nISOLATED_CPU_LIST=\"${isolated_cpus}\"\n",
    mode    => '0644',
  }
}
