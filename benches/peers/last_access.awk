#!/usr/bin/env -S gawk -f
# Last login and logout of each user and service, from login and close lines: what imstrail -a answers, in gawk.
# Prints user, service, last login, last logout; tab-separated, in unix seconds, ordered by bytes: LC_ALL=C.
# A close's start field is read with the offset of its line; rejects, damage, clocks and syslog are not looked into.

BEGIN {
  split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
  for (i in names) month[names[i]] = i
  service["imapd"] = "imap"; service["popd"] = "pop"; service["httpd"] = service["mshttpd"] = "http"
}

function midnight(year, month, day,    key) {
  key = year "/" month "/" day
  if (!(key in days)) days[key] = mktime(year " " month " " day " 0 0 0", 1)
  return days[key]
}

# Sets `at` and `offset` from $1 and $2; neighbouring lines share them.
function stamp(    d) {
  if ($1 == old_digits && $2 == old_zone) return
  old_digits = $1; old_zone = $2
  d = substr($1, 1, 1) == "[" ? substr($1, 2) : $1
  offset = substr($2, 2, 2) * 3600 + substr($2, 4, 2) * 60
  if (substr($2, 1, 1) == "-") offset = -offset
  at = midnight(substr(d, 8, 4), month[substr(d, 4, 3)], substr(d, 1, 2) + 0)
  at += substr(d, 13, 2) * 3600 + substr(d, 16, 2) * 60 + substr(d, 19, 2) - offset
}

function service_of(origin,    name) {
  if (!(origin in origins)) {
    name = substr(origin, 1, index(origin, "[") - 1)
    origins[origin] = name in service ? service[name] : ""
  }
  return origins[origin]
}

$7 == "login" && NF >= 10 {
  if ((name = service_of($4)) == "") next
  stamp()
  key = tolower($9) "\t" name
  if (at > login[key]) login[key] = at
}

$7 == "close" && NF >= 15 && $9 != "[unauthenticated]" {
  if ((name = service_of($4)) == "") next
  stamp()
  split($10, day, "/")
  split($11, time, ":")
  connect = midnight(day[1], day[2], day[3]) + time[1] * 3600 + time[2] * 60 + time[3] - offset
  key = tolower($9) "\t" name
  if (connect > login[key]) login[key] = connect
  if (at > logout[key]) logout[key] = at
}

END {
  n = asorti(login, keys)
  for (i = 1; i <= n; i++) print keys[i] "\t" login[keys[i]] "\t" logout[keys[i]]
}
