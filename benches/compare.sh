#!/usr/bin/env bash
# Times imstrail beside its peers on one log file, in a single run, and prints medians and ratios.
#
#   benches/compare.sh [FILE]
#
# Commands take turns (A B C … A B C …), so that a busy minute of the machine meets all of them. Slow peers run once,
# after the others, and are flagged. The page cache is warm. All output goes to a file: grep stops early on /dev/null.
#
#   BENCH_DIR  where files are made and kept       [/tmp/imstrail-bench]; FILE is BENCH_DIR/one/imap by default, and is
#              simulated if missing
#   SIZE       how much log is simulated           [1.04G]
#   RUNS       how often each command runs         [5]
#   QUICK=1    leaves out the slow peers
#   IMSTRAIL   the program                         [as packages hold it, built first by packaging/trained]
#   INSTALL=0  installs nothing: peers that are missing are left out by name
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
bench=${BENCH_DIR:-/tmp/imstrail-bench}
runs=${RUNS:-5}
quick=${QUICK:-0}
install=${INSTALL:-1}
size=${SIZE:-1.04G}

die() {
  echo "compare.sh: $1" >&2
  exit 2
}
say() { echo "compare.sh: $1" >&2; }

if (($# > 1)) || [[ ${1:-} == -* ]]; then die 'usage: benches/compare.sh [FILE]'; fi
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "RUNS must be a number from 1, not '$runs'"

# --- What is needed of the machine

missing=()

# need PROGRAM PACKAGE: whether the program is there, or could be installed.
need() {
  type -P "$1" >/dev/null && return
  if [[ $install == 1 && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "installing the Debian package $2"
    apt-get install -y -qq "$2" >/dev/null 2>&1 \
      || { apt-get update -qq && apt-get install -y -qq "$2"; } >/dev/null 2>&1 || true
  fi
  hash -r
  type -P "$1" >/dev/null && return
  missing+=("$1")
  return 1
}

need_duckdb() {
  export PYTHONPATH="$bench/python${PYTHONPATH:+:$PYTHONPATH}"
  need python3 python3 || return 1
  python3 -c 'import duckdb' 2>/dev/null && return
  if [[ $install == 1 ]]; then
    say 'installing the Python package duckdb'
    if need pip3 python3-pip; then
      python3 -m pip install --quiet --target "$bench/python" duckdb >/dev/null 2>&1 || true
    fi
  fi
  python3 -c 'import duckdb' 2>/dev/null && return
  missing+=("duckdb (python)")
  return 1
}

# --- The input, and the same lines as many files and compressed

mkdir -p "$bench"
bench=$(cd "$bench" && pwd)

if [[ -z ${IMSTRAIL:-} ]]; then
  "$root/packaging/trained" build --quiet || die 'packaging/trained build failed'
  IMSTRAIL=$("$root/packaging/trained" path)
fi
command -v "$IMSTRAIL" >/dev/null || die "no such program: $IMSTRAIL"

if (($# == 1)); then
  [[ -f $1 && -s $1 ]] || die "no such file, or an empty one: $1"
  FILE=$(realpath "$1")
  made=$bench/of-$(printf '%s %s' "$FILE" "$(stat -c '%s %Y' "$FILE")" | cksum | tr ' ' -)
else
  FILE=$bench/one/imap
  made=$bench
  if [[ ! -s $FILE ]]; then
    say "simulating $size of log: $FILE"
    (cd "$root" && cargo run --quiet --release --example simulate -- --preset bench --size "$size" --seed 1 \
      --out "$bench/one.part" --truth "$bench/one.truth.jsonl" >&2) || die 'the simulator failed'
    mkdir -p "$bench/one"
    mv "$bench/one.part/imap" "$FILE"
    rm -r "$bench/one.part"
  fi
fi
mkdir -p "$made"
ROTATED=$made/rotated
GZ=$made/gz/imap.gz
GZS=$made/gz100

# unix_seconds FILE: those of its first line, as the server names rotated files.
unix_seconds() {
  local stamp
  stamp=$(head -c 64 "$1" | head -n 1 | sed -nE 's,^\[?(..)/(...)/(....):(..:..:..) ([+-]....).*,\1 \2 \3 \4 \5,p')
  date -d "${stamp:-@0}" +%s
}

# cut_into COUNT DIR: FILE's lines as rotated files of one stream, imap.N.unixtime.
cut_into() {
  local part n=0
  rm -rf "$2.part"
  mkdir -p "$2.part"
  split -n "l/$1" -a 4 "$FILE" "$2.part/part."
  for part in "$2.part"/part.*; do
    if [[ ! -s $part ]]; then rm "$part" && continue; fi
    n=$((n + 1))
    mv "$part" "$2.part/imap.$n.$(unix_seconds "$part")"
  done
}

gzipper=gzip
if need pigz pigz; then gzipper=pigz; fi

if [[ ! -d $ROTATED ]]; then
  say "cutting into 500 files: $ROTATED"
  cut_into 500 "$ROTATED"
  mv "$ROTATED.part" "$ROTATED"
fi
if [[ ! -s $GZ ]]; then
  say "compressing with $gzipper: $GZ"
  mkdir -p "${GZ%/*}"
  "$gzipper" -c "$FILE" >"$GZ.part"
  mv "$GZ.part" "$GZ"
fi
if [[ ! -d $GZS ]]; then
  say "compressing as 100 files: $GZS"
  cut_into 100 "$GZS"
  "$gzipper" "$GZS.part"/imap.*
  mv "$GZS.part" "$GZS"
fi

# The stamp of the line in the middle, as RFC 3339.
middle() {
  local bytes
  bytes=$(stat -c %s "$FILE")
  tail -c "+$((bytes / 2))" "$FILE" 2>/dev/null | head -n 2 | tail -n 1 | sed -nE \
    's,^\[?(..)/(...)/(....):(..:..:..) ([+-]..)(..).*,\3-\2-\1T\4\5:\6,p' | sed \
    's/Jan/01/;s/Feb/02/;s/Mar/03/;s/Apr/04/;s/May/05/;s/Jun/06/;s/Jul/07/;s/Aug/08/;s/Sep/09/;s/Oct/10/;s/Nov/11/;s/Dec/12/' || true
}
MIDDLE=$(middle)
[[ -n $MIDDLE ]] || die "the middle line of $FILE has no stamp"
# Whose login is the first behind the middle.
SOMEONE=$(tail -c "+$(($(stat -c %s "$FILE") / 2))" "$FILE" 2>/dev/null | grep -m 1 -aoE 'login \[[^]]+\] [^ ]+' | cut -d ' ' -f 3 || true)
[[ -n $SOMEONE ]] || die "no login behind the middle of $FILE"
export FILE ROTATED GZ GZS MIDDLE SOMEONE IMSTRAIL here

# --- The commands: a label, and what bash runs

labels=() commands=() slow=()

# add LABEL COMMAND [slow]
add() {
  labels+=("$1")
  commands+=("$2")
  slow+=("${3:-}")
}

if need rg ripgrep; then
  add 'rg -c Account' 'rg -c Account "$FILE"'
  add 'rg -ci UID' 'rg -ci "$SOMEONE" "$FILE"'
fi
add 'wc -l' 'wc -l "$FILE"'
add 'grep -c Account' 'grep -c Account "$FILE"'
add 'imstrail -a' '"$IMSTRAIL" -a "$FILE"'
add 'imstrail -a -u UID' '"$IMSTRAIL" -a -u "$SOMEONE" "$FILE"'
add 'imstrail -c --at MIDDLE' '"$IMSTRAIL" -c --at "$MIDDLE" "$FILE"'
add 'imstrail -a -c' '"$IMSTRAIL" -a -c "$FILE"'
add 'imstrail -a -c -j1' '"$IMSTRAIL" -a -c -j1 "$FILE"'
add 'imstrail -a -c, rotated' '"$IMSTRAIL" -a -c "$ROTATED"'
add 'imstrail -a -c, one .gz' '"$IMSTRAIL" -a -c "$GZ"'
add 'imstrail -a -c, 100 .gz' '"$IMSTRAIL" -a -c "$GZS"'
if command -v pigz >/dev/null; then add 'pigz -dc | wc -l' 'pigz -dc "$GZ" | wc -l'; fi
if [[ $quick != 1 ]]; then
  add 'zcat | wc -l' 'zcat "$GZ" | wc -l' slow
  if need_duckdb; then add 'duckdb: -a in SQL' 'python3 "$here/peers/last_access.py" "$FILE"' slow; fi
  if need perl perl; then add 'perl: -a' 'perl "$here/peers/last_access.pl" "$FILE"' slow; fi
  if need gawk gawk; then add 'gawk: -a' 'gawk -f "$here/peers/last_access.awk" "$FILE"' slow; fi
fi

# --- Measuring

work=$(mktemp -d "$bench/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
gnu_time=
if need time time; then gnu_time=$(type -P time); fi

# measure INDEX: runs one command, and adds "wall user system kilobytes" to its file.
measure() {
  local i=$1 code=0
  if [[ -n $gnu_time ]]; then
    "$gnu_time" -o "$work/time" -f '%e %U %S %M' bash -c "${commands[i]}" \
      </dev/null >"$work/out" 2>"$work/err" || code=$?
  else
    local TIMEFORMAT='%R %U %S 0'
    { time bash -c "${commands[i]}" </dev/null >"$work/out" 2>"$work/err" || code=$?; } 2>"$work/time"
  fi
  tail -n 1 "$work/time" >>"$work/$i"
  if ((code != 0)); then
    echo "$code" >"$work/$i.code"
    say "${labels[i]}: exit code $code: $(tail -n 1 "$work/err" | cut -c 1-200)"
  fi
  cksum <"$work/out" >"$work/$i.sum"
}

say "$FILE: $(stat -c %s "$FILE") bytes; $(nproc) cores; load $(cut -d ' ' -f 1 /proc/loadavg); --at $MIDDLE; UID $SOMEONE"
cat "$FILE" "$ROTATED"/* "$GZ" "$GZS"/* >/dev/null
# How far apart two processors are, which may change from one minute to the next.
apart=()
round_trip() { if (($(nproc) > 1)) && [[ -x $work/round_trip ]]; then apart+=("$("$work/round_trip")"); fi; }
rustc --edition 2024 -O -o "$work/round_trip" "$here/machine/round_trip.rs" || say 'rustc failed: no round trips are told'
for ((run = 1; run <= runs; run++)); do
  say "run $run of $runs"
  round_trip
  for i in "${!commands[@]}"; do
    if [[ -z ${slow[i]} ]]; then measure "$i"; fi
  done
done
round_trip
for i in "${!commands[@]}"; do
  if [[ -n ${slow[i]} ]]; then
    say "once: ${labels[i]}"
    measure "$i"
  fi
done

# --- The table

# median FILE FIELDS: the median of the sum of those fields, such as 2,3.
median() {
  awk -v fields="$2" '{ n = split(fields, f, ","); s = 0; for (i = 1; i <= n; i++) s += $f[i]; print s }' "$1" | sort -n \
    | awk '{ v[NR] = $1 } END { h = int((NR + 1) / 2); printf "%.2f", NR % 2 ? v[h] : (v[h] + v[h + 1]) / 2 }'
}

base=
for i in "${!labels[@]}"; do
  if [[ ${labels[i]} == 'rg -c Account' ]]; then base=$(median "$work/$i" 1); fi
done

printf '%-26s %9s %9s %9s %9s %5s\n' command 'wall s' 'cpu s' 'peak MB' 'x rg' runs
for i in "${!commands[@]}"; do
  wall=$(median "$work/$i" 1)
  cpu=$(median "$work/$i" 2,3)
  peak=$(awk '$4 > m { m = $4 } END { if (m) printf "%.0f", m / 1000; else print "-" }' "$work/$i")
  ratio=$(awk -v w="$wall" -v b="${base:-0}" 'BEGIN { if (b > 0) printf "%.2f", w / b; else print "-" }')
  flags=
  if [[ -n ${slow[i]} ]]; then flags=' slow peer: run once'; fi
  if [[ -e $work/$i.code ]]; then flags+=" EXIT CODE $(<"$work/$i.code")"; fi
  printf '%-26s %9s %9s %9s %9s %5d%s\n' "${labels[i]}" "$wall" "$cpu" "$peak" "$ratio" "$(wc -l <"$work/$i")" "$flags"
done
echo 'wall, cpu: medians; peak: the largest process, over all runs; x rg: wall over that of rg -c Account'
if ((${#apart[@]})); then echo "from one processor to another and back, before each run and after the last: ${apart[*]} ns"; fi
if ((${#missing[@]})); then printf 'left out, since missing: %s\n' "${missing[*]}"; fi

# Ways to the same answer must give it: imstrail however the lines are cut, and the peers among each other.
same() {
  local name=$1 pattern=$2 sums=() i
  for i in "${!labels[@]}"; do
    if [[ ${labels[i]} =~ $pattern ]]; then sums+=("$(<"$work/$i.sum")"); fi
  done
  if ((${#sums[@]} < 2)); then return; fi
  if [[ $(printf '%s\n' "${sums[@]}" | sort -u | wc -l) == 1 ]]; then
    echo "same answer: $name"
  else
    echo "DIFFERENT ANSWERS: $name"
  fi
}
same 'imstrail -a -c over one file, on one thread, over many files and compressed' '^imstrail -a -c'
same 'the peers that do the work of -a' '^(duckdb|perl|gawk): '
