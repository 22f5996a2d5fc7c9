#!/usr/bin/env python3
"""Last login and logout of each user and service, from login and close lines: what imstrail -a answers, in DuckDB.

Prints user, service, last login, last logout; tab-separated, in unix seconds, ordered by bytes.
A close's start field is read with the offset of its line; rejects, damage, clocks and syslog are not looked into.
usage: last_access.py FILE [THREADS]
"""
import sys

import duckdb

LINE = (
    r"^\[?(\d\d/.{17}) ([+-]\d{4})\]? [^ ]+ (imapd|popd|httpd|mshttpd)\[\d+\]: [A-Za-z]+ [A-Za-z]+: ?(login|close) "
    r"\[[^ ]+\] ([^ [][^ ]*) ([^ ]+ [^ ]+)?"
)
FIELDS = ["stamp", "zone", "process", "event", "uid", "start"]

# Lines are put into a table first: with lone carriage returns in them they are read without the reader's strict mode,
# which works on one thread; what follows works on all.
READ = """
create temp table lines as
  select line
  from read_csv($1, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false,
                delim = chr(1), quote = '', escape = '', strict_mode = false, ignore_errors = true)
"""

# What fits no pattern has no times, and so no row; a filter before the last one would run the pattern twice.
QUERY = """
copy (
  with parts as (
    select regexp_extract(line, $line$LINE$line$, FIELDS) as f from lines
  ), timed as (
    select lower(f.uid) as uid, replace(left(f.process, -1), 'ms', '') as service, f.event = 'close' as closed,
           try_cast(substr(f.zone, 1, 3) as int) * 3600
             + try_cast(substr(f.zone, 1, 1) || substr(f.zone, 4, 2) as int) * 60 as zone,
           epoch(try_strptime(f.stamp, '%d/%b/%Y:%H:%M:%S'))::bigint - zone as written,
           case when closed then epoch(try_strptime(f.start, '%Y/%m/%d %H:%M:%S'))::bigint - zone end as connected
    from parts
  )
  select uid, service, max(case when closed then connected else written end) as login,
         max(case when closed then written end) as logout
  from timed
  group by uid, service
  having login is not null
  order by uid, service
) to '/dev/stdout' (format csv, header false, delimiter '\t', quote '')
"""

with duckdb.connect() as connection:
    if len(sys.argv) > 2:
        connection.execute(f"set threads to {int(sys.argv[2])}")
    connection.execute(READ, [sys.argv[1]])
    connection.execute(QUERY.replace("LINE", LINE).replace("FIELDS", str(FIELDS)))
