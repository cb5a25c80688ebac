#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# On a machine with an NVIDIA GPU: builds and runs the tests of decoding, then bench_gpu_decode (rows B2, B10, B11, B15).
# usage: [FILTER=gtest filter|none] gpu_decode.sh [ops] [7b] [13b] [34b]; shares gpu_check.sh's build folder.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-/tmp}
began=$(date +%s)
stamp() { echo "== $(($(date +%s) - began)) s: $*"; }
sed -n '/^prefix=/,/^stamp configure/p' tests/bench/gpu_check.sh >/tmp/env.sh
. /tmp/env.sh
build=/tmp/caravan-gpu-build
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCARAVAN_GUI=OFF -DCARAVAN_CUDA=ON -DCARAVAN_TESTS=ON -DCARAVAN_BENCH=ON \
    -DCMAKE_CUDA_COMPILER="$(command -v nvcc)" -DCARAVAN_CUDA_ARCHITECTURES=90a-real -DLIBTORCH_ROOT="$root" \
    -DCMAKE_PREFIX_PATH="$prefix/usr" -DCARAVAN_SENTENCEPIECE_SOURCE="$prefix/sentencepiece" >"$out/configure.log" 2>&1 ||
    { tail -30 "$out/configure.log"; exit 1; }
stamp build
ninja -C "$build" -j"$(nproc)" caravan_cuda engine_decode_gpu bench_gpu_decode >"$out/build.log" 2>&1 ||
    { grep -E "error|FAILED|undefined" -A3 "$out/build.log" | head -60; exit 1; }
rc=0
if [ "${FILTER:-}" != none ]; then
    stamp test
    timeout 120 "$build/tests/engine_decode_gpu" --gtest_filter="${FILTER:-*}" >"$out/tests.log" 2>&1 || rc=$?
    grep -E "Failure" -A9 "$out/tests.log" | head -${LINES_SHOWN:-70}
    grep -E "^\[  (FAILED|PASSED|SKIPPED)|^\[       OK" "$out/tests.log" | sort -u | head -30
fi
if [ $# -gt 0 ]; then
    stamp bench
    timeout "${LIMIT:-150}" "$build/bench/bench_gpu_decode" "$@" || rc=$?
fi
stamp "done, rc $rc"
exit $rc
