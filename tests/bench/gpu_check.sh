#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the engine with its CUDA half against python3's torch on a machine with an NVIDIA GPU, runs the tests labelled gpu and
# prints a table. Needs nvcc, cmake, ninja, g++ and python3 with torch 2.11; what else a bare machine lacks comes from
# .carry/dev.tar.xz (gpu_pack.sh). usage: gpu_check.sh [target...]   (default: all test programs named *_gpu)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-/tmp}
began=$(date +%s)
stamp() { echo "== $(($(date +%s) - began)) s: $*"; }

# Debian's packages of the carried archive, under a prefix of their own.
prefix=/tmp/caravan-dev
if [ -f .carry/dev.tar.xz ] && [ ! -d "$prefix" ]; then
    mkdir -p "$prefix" && tar -C "$prefix" -xJf .carry/dev.tar.xz
fi
export PATH="$PATH:$prefix/usr/bin" LD_LIBRARY_PATH="$prefix/usr/lib/x86_64-linux-gnu:${LD_LIBRARY_PATH:-}"
export PKG_CONFIG_PATH="$prefix/usr/lib/x86_64-linux-gnu/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$prefix"
unset LIBRARY_PATH CUDA_HOME

# torch's headers without the fmt, google and pybind11 inside them: they would hide Debian's.
site=$(python3 -c 'import torch, os; print(os.path.dirname(os.path.dirname(torch.__file__)))')
root=/tmp/caravan-torch
mkdir -p "$root/torch/include"
for entry in "$site"/torch/include/*; do
    case ${entry##*/} in fmt | google | pybind11) ;; *) ln -sfn "$entry" "$root/torch/include/${entry##*/}" ;; esac
done
ln -sfn "$site/torch/lib" "$root/torch/lib"
ln -sfn "$site/nvidia" "$root/nvidia"

stamp configure
build=/tmp/caravan-gpu-build
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCARAVAN_GUI=OFF -DCARAVAN_CUDA=ON -DCARAVAN_TESTS=ON -DCARAVAN_BENCH=ON \
    -DCMAKE_CUDA_COMPILER="$(command -v nvcc)" -DCARAVAN_CUDA_ARCHITECTURES=90a-real -DLIBTORCH_ROOT="$root" \
    -DCMAKE_PREFIX_PATH="$prefix/usr" -DCARAVAN_SENTENCEPIECE_SOURCE="$prefix/sentencepiece" >"$out/configure.log" 2>&1 ||
    { tail -30 "$out/configure.log"; exit 1; }
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for folder in tests/engine/*_gpu; do targets+=("engine_${folder##*/}"); done
fi
stamp "build ${targets[*]}"
ninja -C "$build" -j"$(nproc)" caravan_cuda bench_gpu_ops "${targets[@]}" >"$out/build.log" 2>&1 || { grep -E "error|FAILED" -A3 "$out/build.log" | head -60; exit 1; }
stamp test
rc=0
(cd "$build" && ctest -L gpu --output-on-failure >"$out/ctest.log" 2>&1) || rc=$?
grep -E "Failure|error:|Skipped|no GPU" -A4 "$out/ctest.log" | head -80 || true
grep -E "\[  (FAILED|PASSED)|\[       OK|tests passed|\*\*\*" "$out/ctest.log" | sort | uniq | head -80 || true
# Once more as an older card would compute.
if [ -x "$build/tests/engine_ops_gpu" ]; then
    (cd "$build" && CARAVAN_GENERIC_GPU=1 tests/engine_ops_gpu >"$out/generic.log" 2>&1) && echo "generic paths: passed" || { rc=1; grep -E "Failure" -A4 "$out/generic.log" | head -40; }
fi
"$build/bench/bench_gpu_ops" || true
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
stamp "done, rc $rc"
exit $rc
