#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The tables of RESULTS.md on the first GPU from one build: rows B1 to B15 beside their ceilings, decoding of larger models, where a
# step goes, the memory plan beside the peak, and with DATA the reference run in four precisions. About five minutes on one H200.
# usage: [PARTS="rows decode step plan reference"] gpu_rows.sh BUILD [DATA]   (BUILD: gpu_check.sh makes one, with bench_gpu_decode,
#        bench_gpu_plan, bench_gpu_step and caravan-cli; DATA: folder with {general,code,math}.{train,heldout}.jsonl)
set -uo pipefail
build=${1:?build folder} data=${2:-}
cd "$(dirname "$0")/../.."
out=${OUT:-/tmp} cli=$build/app/caravan-cli rc=0
wanted() { [[ " ${PARTS:-rows decode step plan reference} " == *" $1 "* ]]; }
stamp() { echo "== $SECONDS s: $*"; }
if wanted rows; then
    stamp "rows"
    "$cli" bench --device cuda B1 B2 B3 B4 B12 B5 B6 B9 B13 B14 B10 B15 B11 2>"$out/rows.err" || rc=$?
fi
if wanted decode; then
    stamp "decoding, 13B and 34B"
    for shape in 13b 34b; do "$build/bench/bench_gpu_decode" $shape || rc=$?; done
fi
if wanted step; then
    stamp "where a step goes: 7B, 8x2048, exact, then in any order"
    "$build/bench/bench_gpu_step" steps=8 profile 8x2048 || rc=$?
    "$build/bench/bench_gpu_step" steps=8 loose profile 8x2048 || rc=$?
fi
if wanted plan; then
    stamp "memory"
    "$build/bench/bench_gpu_plan" || rc=$?
    "$build/bench/bench_gpu_plan" 7b/adam8/all/1x2048 7b/adam8/all/1x2048/bf16 || rc=$?
fi
if wanted reference && [ -n "$data" ]; then
    files=()
    for d in general code math; do files+=(--data "$data/$d.train.jsonl,name=$d" --heldout "$data/$d.heldout.jsonl,name=$d"); done
    reference() { # name, then options
        local name=$1 began=$SECONDS
        shift
        "$cli" tune --recipe resources/presets/reference.json "${files[@]}" --project "$out/reference-$name" --name r --json --device cuda "$@" \
            >"$out/$name.jsonl" 2>"$out/$name.err" || rc=$?
        stamp "reference run, $name, $((SECONDS - began)) s"
        grep -h '"evaluation"' "$out/$name.jsonl" | tail -n 1
        tail -n 3 "$out/$name.err"
    }
    reference fp32
    reference bf16 --set tune.compute=bf16
    reference nf4 --set tune.compute=bf16 --set model.quantization=nf4
    reference fp8 --set tune.compute=bf16 --set model.quantization=nf4 --set tune.dequantization=fp8
fi
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
exit $rc
