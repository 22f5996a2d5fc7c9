#!/usr/bin/env bash
# How time and memory grow with archives and users. Prints tables for BENCHMARKS.md.
#
#   benches/growth.sh [archives] [cache] [days] [merge]      all of them by default
#
#   BENCH_DIR  where files are made, which are removed afterwards; 17 GB for archives  [/tmp/imstrail-growth]
#   SIZES      sizes of archives, as the simulator takes them                          [100M 1G 4G 16G]
#   USERS      users in them                                                           [10000 200000 5000000]
#   TRAILS     how many trail files are merged                                         [1000]
#   RUNS       how often each command runs; medians are printed                        [3]
#   IMSTRAIL, SIMULATE  the programs                                                   [built first]
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bench=${BENCH_DIR:-/tmp/imstrail-growth}
runs=${RUNS:-3}
read -ra sizes <<<"${SIZES:-100M 1G 4G 16G}"
read -ra users <<<"${USERS:-10000 200000 5000000}"
trails=${TRAILS:-1000}
parts=("$@")
if ((${#parts[@]} == 0)); then parts=(archives cache days merge); fi

if [[ -z ${IMSTRAIL:-} || -z ${SIMULATE:-} ]]; then
  (cd "$root" && cargo build --release --quiet --bin imstrail --example simulate) >&2
fi
imstrail=${IMSTRAIL:-$root/target/release/imstrail}
simulate=${SIMULATE:-$root/target/release/examples/simulate}
if ! command -v /usr/bin/time >/dev/null; then
  echo 'GNU time is missing: install it (Debian: time)' >&2
  exit 2
fi
mkdir -p "$bench"
trap 'rm -rf "$bench"' EXIT

# measure COMMAND...: the median of its seconds, and the most memory of all runs in MB, as `S MB`.
measure() {
  local i
  for ((i = 0; i < runs; i++)); do
    /usr/bin/time -f '%e %M' -a -o "$bench/times" "$@" >/dev/null 2>&1 || true
  done
  sort -n "$bench/times" | awk '{ s[NR] = $1; if ($2 > m) m = $2 } END { printf "%s %d", s[int((NR + 1) / 2)], m / 1000 }'
  rm "$bench/times"
}

row() {
  local cell
  for cell in "$@"; do printf '| %s ' "$cell"; done
  printf '|\n'
}

# Archives of one file, the same traffic an hour whatever the users; a longer one is more days.
archives() {
  row size users 'lines' '-a -c' memory 'sessions' memory
  row --- --- --- --- --- --- ---
  local size who log a s
  for size in "${sizes[@]}"; do
    for who in "${users[@]}"; do
      log=$bench/archive
      "$simulate" --preset bench --users "$who" --size "$size" --seed 1 --out "$log" >&2
      a=$(measure "$imstrail" -a -c --format jsonl "$log")
      s=$(measure "$imstrail" sessions --format jsonl --tmpdir "$bench" "$log")
      row "$size" "$who" "$(wc -l <"$log/imap")" "${a% *} s" "${a#* } MB" "${s% *} s" "${s#* } MB"
      rm -r "$log"
    done
  done
}

# 1 GB as 500 files: the run that fills the cache, warm ones, and warm ones with one file that is new.
cache() {
  local logs=$bench/rotated one=$bench/one first warm new last
  "$simulate" --preset bench --rotate-bytes 2100000 --seed 1 --out "$logs" >&2
  last=$(find "$logs" -type f | sort | tail -1)
  mkdir "$one" && mv "$last" "$one"
  row run time memory
  row --- --- ---
  local plain; plain=$(measure "$imstrail" -a --format jsonl "$logs")
  row 'without a cache' "${plain% *} s" "${plain#* } MB"
  local keep=$runs; runs=1
  first=$(measure "$imstrail" -a --format jsonl --cache "$bench/cache" "$logs"); runs=$keep
  row 'first' "${first% *} s" "${first#* } MB"
  warm=$(measure "$imstrail" -a --format jsonl --cache "$bench/cache" "$logs")
  row 'second' "${warm% *} s" "${warm#* } MB"
  mv "$one"/* "$logs"; runs=1
  new=$(measure "$imstrail" -a --format jsonl --cache "$bench/cache" "$logs"); runs=$keep
  row 'with one new file' "${new% *} s" "${new#* } MB"
  du -sm "$bench/cache" | awk '{ printf "\nThe cache has %d MB.\n", $1 }'
}

# One day of a hundred: 1 GB as a file a day, what all of it takes, and then a day in the middle, whatever holds the logs.
days() {
  local logs=$bench/days packed=$bench/packed all log m
  local day=(-a --format jsonl --since 2019-07-17T00:00:00Z --until 2019-07-18T00:00:00Z)
  "$simulate" --days 100 --rate 1520 --users 200000 --services imap --open 1600 --pids 4 --rotate-bytes 10.4M --seed 1 --out "$logs" >&2
  cp -r "$logs" "$packed" && find "$packed" -type f -exec gzip -1 {} +
  "$imstrail" trail -o "$bench/days.trail" "$logs" >&2
  all=$(measure "$imstrail" -a --format jsonl "$logs")
  row question time 'of all days' memory
  row --- --- --- ---
  row 'all days, of the logs' "${all% *} s" - "${all#* } MB"
  for log in "$logs" "$packed" "$bench/days.trail"; do
    m=$(measure "$imstrail" "${day[@]}" "$log")
    row "one day, of ${log##*/}" "${m% *} s" "$(share "$m" "$all")" "${m#* } MB"
  done
  for log in "$logs" "$packed"; do
    m=$(measure "$imstrail" "${day[@]}" --trust-order "$log")
    row "one day, of ${log##*/} with --trust-order" "${m% *} s" "$(share "$m" "$all")" "${m#* } MB"
  done
  for log in "$logs" "$packed"; do
    "$imstrail" "${day[@]}" --cache "$bench/cache.${log##*/}" "$log" >/dev/null 2>&1 || true
    m=$(measure "$imstrail" "${day[@]}" --cache "$bench/cache.${log##*/}" "$log")
    row "one day, of ${log##*/} with a cache" "${m% *} s" "$(share "$m" "$all")" "${m#* } MB"
  done
}

# share MEASURED ALL: the time of one measurement as a part of another's.
share() {
  awk -v one="${1% *}" -v all="${2% *}" 'BEGIN { printf "%.0f %%", 100 * one / all }'
}

# Brief trail files of 100,000 users each, out of a million, merged into one on one thread and on all.
merge() {
  local n kept=$bench/kept
  mkdir "$kept"
  for ((n = 1; n <= trails; n++)); do
    awk -v n="$n" 'BEGIN {
      srand(n); day = 1 + n % 28
      for (i = 0; i < 100000; i++) {
        printf "[%02d/May/2019:%02d:%02d:%02d +0200] store%d imapd[%d]: Account Information: login [10.%d.%d.%d:%d] user%07d plaintext\n",
          day, i / 4167, i % 60, i % 60, n % 20, 100 + i % 8, i % 250, n % 250, i % 199, 1024 + i % 60000, i * 10 + int(rand() * 10)
      }
    }' >"$bench/log.$n"
    (cd "$bench" && "$imstrail" trail --brief -o "$kept/$n.trail" "log.$n" 2>/dev/null) || true
    rm "$bench/log.$n"
  done
  row threads 'user entries' time memory 'entries a second a core'
  row --- --- --- --- ---
  local threads m
  for threads in 1 2; do
    m=$(measure "$imstrail" merge --force -j "$threads" -o "$bench/all.trail" "$kept")
    row "$threads" "$((trails * 100000))" "${m% *} s" "${m#* } MB" \
      "$(awk -v s="${m% *}" -v n="$((trails * 100000))" -v t="$threads" 'BEGIN { printf "%.1f M", n / s / t / 1e6 }')"
  done
}

for part in "${parts[@]}"; do
  printf '\n### %s\n\n' "$part"
  "$part"
done
