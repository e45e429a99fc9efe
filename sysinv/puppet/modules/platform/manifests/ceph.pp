# SPDX-License-Identifier: Apache-2.0
# A controller's part of a host-based Ceph cluster. Nothing of this release makes one, so the class fails and says what is
# missing: a back end must not look configured while it stores nothing. It is no part of the whole configuration, so a
# host boots without it.
class platform::ceph {
  exec { 'make the Ceph cluster':
    command   => "if command -v ceph-mon > /dev/null; then
      echo 'Ceph is installed, but this release does not make Ceph clusters'
    else
      echo 'Ceph is not installed on this host'
    fi
    exit 1",
    provider  => shell,
    path      => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    logoutput => on_failure,
    loglevel  => err,
  }
}
