# SPDX-License-Identifier: Apache-2.0
# The user with which operators log in on hosts. While the system has no password for it, nothing changes.
class platform::users {
  include platform::users::params
  $password = $platform::users::params::sysadmin_password
  $max_age = $platform::users::params::sysadmin_password_max_age
  $last_change = $platform::users::params::sysadmin_password_last_change
  $signature = $platform::users::params::sysadmin_password_signature

  # A host that could not open the secrets has the signature only, and keeps its password.
  if $password =~ String {
    $ageing = $max_age ? { Undef => {}, default => { 'password_max_age' => $max_age } }
    user { 'sysadmin':
      ensure     => present,
      managehome => true,
      shell      => '/bin/bash',
      password   => Sensitive($password),
      *          => $ageing,
    }
    if $last_change =~ Integer {
      exec { 'day of the last change of the password':
        command  => "chage --lastday ${last_change} sysadmin",
        unless   => "test \"$(getent shadow sysadmin | cut -d: -f3)\" = ${last_change}",
        path     => ['/usr/sbin', '/usr/bin', '/bin'],
        provider => shell,
        require  => User['sysadmin'],
        before   => File['/etc/platform/user.signature'],
      }
    }
    # The agent compares it with the user's entry, to see that somebody has changed the password here.
    file { '/etc/platform/user.signature':
      content => "${signature}\n",
      mode    => '0600',
      require => User['sysadmin'],
    }
  }
}
