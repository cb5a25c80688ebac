#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the GPU does in a tuning step, kernel by kernel, and for how much of it: profile/kernel_times.cpp under any program that tunes.
# Needs CUPTI's header and library (of the CUDA toolkit, or of python3's torch). usage: gpu_profile.sh PROGRAM [argument...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for base in "${CUDA_HOME:-/usr/local/cuda}" "${CUDA_HOME:-/usr/local/cuda}/extras/CUPTI" \
    $(python3 -c 'import nvidia, glob; [print(p) for d in nvidia.__path__ for p in glob.glob(d + "/cu1*")]' 2>/dev/null); do
    [ -f "$base/include/cupti.h" ] || continue
    library=$(ls "$base"/lib*/libcupti.so.1? 2>/dev/null | head -n 1)
    [ -n "$library" ] && break
done
[ -n "${library:-}" ] || { echo "CUPTI was not found: it comes with the CUDA toolkit"; exit 1; }
tool=$(mktemp -d)/libkernel_times.so
trap 'rm -rf "$(dirname "$tool")"' EXIT
g++ -O2 -std=c++20 -fPIC -shared -I"$base/include" ${CUDA_HOME:+-I"$CUDA_HOME/include"} -I/usr/local/cuda/include \
    "$here/profile/kernel_times.cpp" -o "$tool" "$library" -Wl,-rpath,"$(dirname "$library")"
LD_PRELOAD=$tool CUDA_INJECTION64_PATH=$tool "$@"
