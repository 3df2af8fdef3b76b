#!/usr/bin/env bash
# Wheels of ortsnetz-grid for amd64 and arm64 from the same sources, each compiled in a copy of them.
# usage: wheels.sh PYTHON FOLDER
# Needs gcc and gcc-aarch64-linux-gnu (Debian); AMD64_CC and ARM64_CC name others.
set -euo pipefail
python=$(realpath -s "$1")
mkdir -p "$2"
folder=$(realpath "$2")
here=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

build() { # compiler, platform
  command -v "$1" >/dev/null || { echo "wheels: '$1' is missing (Debian: apt install gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross)" >&2; exit 1; }
  rm -rf "$copy/grid"
  cp -r "$here" "$copy/grid"
  rm -f "$copy"/grid/src/ortsnetz_grid/kernels/_kernels.*
  (cd "$copy/grid" && CC=$1 ORTSNETZ_WHEEL_PLATFORM=$2 ORTSNETZ_KERNELS=required \
    "$python" -m hatchling build -t wheel -d "$folder" >/dev/null)
}

amd64=gcc
[ "$(uname -m)" = x86_64 ] || amd64=x86_64-linux-gnu-gcc
arm64=aarch64-linux-gnu-gcc
[ "$(uname -m)" = aarch64 ] && arm64=gcc
build "${AMD64_CC:-$amd64}" linux_x86_64
build "${ARM64_CC:-$arm64}" linux_aarch64
ls "$folder"/ortsnetz_grid-*.whl
