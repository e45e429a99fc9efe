# SPDX-License-Identifier: Apache-2.0
# The password of the platform's user. Ages are days; the last change counts days from 1970-01-01.
class platform::users::params (
  Optional[String]  $sysadmin_password             = undef,
  Optional[Integer] $sysadmin_password_max_age     = undef,
  Optional[Integer] $sysadmin_password_last_change = undef,
  String            $sysadmin_password_signature   = '',
) {
}
