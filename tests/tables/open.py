"""Opens Parquet with DuckDB and databases with sqlite3: counts and sums must be those of JSON Lines.

usage: open.py IMSTRAIL PATH
"""

import datetime
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import duckdb

UTC = datetime.timezone.utc
QUESTIONS = {
    "session": ["sessions"],
    "failure": ["failures"],
    "message": ["messages"],
    "last_access": ["-a"],
    "connected": ["-c"],
    "coverage": ["coverage"],
}
# By record: a time, a text by which rows are grouped, a list; where there is one.
COLUMNS = {
    "session": ("login", "user", "flags"),
    "failure": ("time", "reason", "flags"),
    "message": ("time", "user", "flags"),
    "last_access": ("imap_last_login", "imap_store", "imap_flags"),
    "connected": ("since", "service", "flags"),
    "coverage": ("first", "store", None),
}


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rows_of_json(imstrail, question, path):
    done = subprocess.run([imstrail, *question, "--format", "jsonl", path], check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def flat(row, name):
    service, _, rest = name.partition("_")
    if name not in row and service in row:
        return (row[service] or {}).get(rest)
    return row[name]


def moment(text):
    return text and datetime.datetime.fromisoformat(text)


def told(rows):
    """How many rows there are, their latest time and the digits that the log had for it, groups, words of lists."""
    rows = list(rows)
    times = [(at, at.astimezone(UTC) + datetime.timedelta(minutes=offset)) for at, offset, _, _ in rows if at]
    latest = max(times, default=None)
    groups = {}
    for _, _, group, _ in rows:
        groups[group] = groups.get(group, 0) + 1
    words = sum(len(words or []) for _, _, _, words in rows)
    return len(rows), latest and (latest[0].timestamp(), latest[1].replace(tzinfo=None)), groups, words


def by_json(rows, time, group, words):
    for row in rows:
        at = moment(flat(row, time))
        offset = at and at.utcoffset().total_seconds() / 60
        yield at, offset, flat(row, group), words and flat(row, words)


def by_duckdb(file, time, group, words):
    columns = f'"{time}", "{time}_offset", "{group}", {words or "NULL"}'
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(f"SELECT {columns} FROM read_parquet(?)", [str(file)]).fetchall()


def by_sqlite(file, table, time, group, words):
    columns = f'"{time}", "{time}_offset", "{group}", {words or "NULL"}'
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        for at, offset, text, words in database.execute(f'SELECT {columns} FROM "{table}"'):
            yield moment(at and at.replace("Z", "+00:00")), offset, text, words and json.loads(words)


def main(imstrail, path):
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for record, question in QUESTIONS.items():
            parquet, sqlite = (pathlib.Path(folder) / f"{record}.{end}" for end in ("parquet", "sqlite"))
            run(imstrail, *question, "--format", "parquet", "-o", parquet, path)
            run(imstrail, *question, "--format", "sqlite", "-o", sqlite, path)
            rows = [row for row in rows_of_json(imstrail, question, path) if row["record"] == record]
            expected = told(by_json(rows, *COLUMNS[record]))
            for name, found in (
                ("DuckDB", told(by_duckdb(parquet, *COLUMNS[record]))),
                ("sqlite3", told(by_sqlite(sqlite, record, *COLUMNS[record]))),
            ):
                same = found == expected
                failed |= not same or not rows
                print(f"{record}: {len(rows)} rows, {name} " + ("has the same" if same else f"has {found}, not {expected}"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
