#!/usr/bin/env bash
# Which code of src/ the default `cargo test` runs: lines and regions a file, and then every line that nothing ran.
# Builds all anew in target/llvm-cov-target and takes a few minutes. Not a part of .ci/run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo llvm-cov --version >/dev/null 2>&1 || cargo install cargo-llvm-cov --locked
if command -v rustup >/dev/null; then rustup component add llvm-tools; fi

# One profile that all processes add to, instead of one for each: the tests start the program thousands of times.
export LLVM_PROFILE_FILE_NAME='imstrail-%4m.profraw'
cargo llvm-cov clean --profraw-only
cargo llvm-cov test --no-report "$@"
cargo llvm-cov report --summary-only
cargo llvm-cov report --show-missing-lines | grep -A1000 '^Uncovered Lines' || true
