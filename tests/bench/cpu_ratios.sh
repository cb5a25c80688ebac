#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The CPU in one run: tuning step against PyTorch eager doing the same mathematics (base-16m, PESC 8 experts top-2 adapters of 64,
# LoRA 64, fp32), and decoding against the machine's read bandwidth.
# usage: cpu_ratios.sh BUILD_FOLDER [PEER_SCRIPT]
# PEER_SCRIPT prints "ROWSxLENGTH: N tokens/s ..." when run as: $PYTHON PEER_SCRIPT MODEL_FOLDER THREADS (PYTHON: python3). Without it
# the ratios are against the rates recorded on a quiet 2-core machine (679, 691 and 563 tokens/s).
set -eu
build=${1:?build folder}
here=$(cd "$(dirname "$0")/../.." && pwd)
threads=${THREADS:-2}
model=$here/resources/demo/base-16m
own=$("$build/bench/bench_cpu_step" "$threads" "$model")
if [ $# -gt 1 ]; then
    peer=$(cd "$(dirname "$2")" && "${PYTHON:-python3}" "$2" "$model" "$threads")
    source=measured
else
    peer=$(printf '4x256: 679 tokens/s\n8x256: 691 tokens/s\n4x512: 563 tokens/s\n')
    source=recorded
fi
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $threads threads"
printf '%-8s %12s %12s %8s\n' shape caravan "eager ($source)" ratio
for shape in 4x256 8x256 4x512; do
    a=$(echo "$own" | sed -n "s/^$shape: \([0-9]*\) .*/\1/p")
    b=$(echo "$peer" | sed -n "s/^$shape: \([0-9]*\) .*/\1/p")
    [ -n "$a" ] && [ -n "$b" ] && awk -v s="$shape" -v a="$a" -v b="$b" 'BEGIN { printf "%-8s %12d %12d %8.2f\n", s, a, b, a / b }'
done
"$build/bench/bench_cpu_decode" "$threads" "$model"
