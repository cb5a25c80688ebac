#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The rows of RESULTS.md on the first GPU, each beside the copy or product rate of the same run. Takes about four minutes.
# usage: gpu_rows.sh BUILD   (a build folder with bench_gpu_ops and bench_gpu_step; gpu_check.sh makes one)
set -euo pipefail
bench=${1:?build folder}/bench
echo "# B1 dequantisation, B3 adapters, B12 optimizer"
"$bench/bench_gpu_ops" nf4,mixture,optimizer
echo "# B4, B5 7B PESC, NF4, no recomputation"
"$bench/bench_gpu_step" steps=10 profile 8x2048 noprofile cache 8x2048 4x2048 1x512 dropout=0.1 8x2048 stream 1x512
echo "# what equal bits cost: attention's backward in any order"
"$bench/bench_gpu_step" steps=10 loose cache profile 8x2048
echo "# B6 dense"
"$bench/bench_gpu_step" dense steps=10 cache 8x2048 4x2048 1x512
echo "# B9 13B; B14 7B with 8-bit states and everything recomputed"
"$bench/bench_gpu_step" 13b steps=10 adam8 8x2048
"$bench/bench_gpu_step" steps=10 adam8 recompute=all 1x2048 trained=bf16 1x2048
"$bench/bench_gpu_plan" 7b/adam8/all/1x2048 7b/adam8/all/1x2048/bf16
echo "# like B16: base-16m, steps of 32 rows"
"$bench/bench_gpu_step" 16m bf16 steps=20 dropout=0.1 32x160
