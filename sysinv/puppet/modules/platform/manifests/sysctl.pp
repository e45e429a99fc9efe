# SPDX-License-Identifier: Apache-2.0
# Settings of the kernel. A host that shows the hardware of another machine, and a container, only get the file: most
# settings are those of the machine they run on.
class platform::sysctl {
  include platform::sysctl::params
  include platform::params
  $settings = $platform::sysctl::params::settings
  $lines = $settings.keys.sort.map |$name| { "${name} = ${settings[$name]}\n" }
  $file = '/etc/sysctl.d/60-flock.conf'

  file { $file:
    content => "# Written by the platform's configuration; changes are lost.\n${join($lines, '')}",
    mode    => '0644',
    notify  => Exec['set the kernel'],
  }
  exec { 'set the kernel':
    command     => "sysctl --quiet --load=${file}",
    onlyif      => ["test '${platform::params::hardware_root}' = /", '! systemd-detect-virt --container --quiet'],
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    provider    => shell,
    refreshonly => true,
  }
}
