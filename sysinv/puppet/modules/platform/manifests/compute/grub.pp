# SPDX-License-Identifier: Apache-2.0
# Kernel arguments; they have their effect at the next boot.
class platform::compute::grub {
  include platform::compute::grub::params
  include platform::params
  $options = $platform::compute::grub::params::cpu_options

  file { '/etc/default/grub.d':
    ensure => directory,
    mode   => '0755',
  }
  file { '/etc/default/grub.d/60-flock.cfg':
    content => "# Written by the platform's configuration; changes are lost.\nGRUB_CMDLINE_LINUX=\"\${GRUB_CMDLINE_LINUX} ${options}\"\n",
    mode    => '0644',
    notify  => Exec['update the boot loader'],
  }
  exec { 'update the boot loader':
    command     => 'update-grub',
    # A host that shows the hardware of another machine, or boots in another way, has no boot loader of its own.
    onlyif      => ["test '${platform::params::hardware_root}' = /", 'test -f /boot/grub/grub.cfg'],
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    refreshonly => true,
  }
}
