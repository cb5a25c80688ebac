#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The kernel tests under compute-sanitizer on a machine with an NVIDIA GPU: every test in a process of its own, as many at a time as
# JOBS says, racecheck first. Every tensor is an allocation of its own, so that its ends are seen and old values do not hide unwritten
# ones. Two things of the tool (2025.3) were seen with a program of LibTorch alone and decide what is asked of it:
# - racecheck ends with an error of its own at a product of cuBLAS in bf16 when only some kernels are checked: in tests with such
#   products it checks all, and what it says of the library's kernels is counted apart;
# - initcheck does not see what cuBLAS, cuDNN and our own products store with Hopper's copy engine, and reports every reader of it. Tests with such
#   stores run there in fp32 only, and "poison" is there for the rest: all tests without the tool, each new tensor full of NaN, so
#   that a value which is read and was never written shows in the results.
# - racecheck orders what a lane read by that lane's own arrival at a barrier, not by __syncwarp() and one lane's: a correct
#   program of thirty lines is reported, with every lane arriving it is clean; likewise for a warp that
#   arrives at a named barrier without waiting (bar.arrive). Configure the build for racecheck with
#   -DCMAKE_CUDA_FLAGS=-DCARAVAN_EVERY_LANE_ARRIVES (kernels/common/bulk_copy.cuh, kernels/decode_linear/decode_nf4_cuda.cu).
# Prints one line per tool, then the tests that were not clean and what they told. About four minutes on one H200 with 16 cores.
# usage: [JOBS=14] [LIMIT=seconds a test] [TOTAL=seconds] [TOOLS="racecheck initcheck memcheck poison"] [FILTER=regex of tests]
#        gpu_sanitize.sh BUILD   (a build folder with engine_ops_gpu and engine_decode_gpu; gpu_check.sh makes one)
set -uo pipefail
build=${1:?build folder}
out=${OUT:-/tmp}
export LIMIT=${LIMIT:-200} LOGS=${LOGS:-/tmp/caravan-sanitize} TESTS=$build/tests
export PYTORCH_NO_CUDA_MEMORY_CACHING=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export PRODUCTS='LoraOnGpu|ProductsAndLora|AdaptersForward|AdaptersRepeat|WhatPassesBy|KeptRows'
rm -rf "$LOGS" && mkdir -p "$LOGS"
command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not on the PATH: it comes with the CUDA toolkit"; exit 1; }

names() { "$TESTS/$1" --gtest_list_tests | awk -v p="$1" '/^[^ ]/ {suite = $1} /^  / {print p, suite $1}'; }
# Those that compute most begin first, so that none is left over at the end.
list=$({ names engine_ops_gpu; names engine_decode_gpu; } | grep -E "${FILTER:-.}" | grep -vE 'DecodeOnGpu\.' |
    awk '{heavy = $2 ~ /LoraOnGpu|Adapters|Attention|AgreesWith|ChoosesWhat|RepeatsBit/; print heavy ? 0 : 1, NR, $0}' | sort -n | cut -d' ' -f3-)
tools=${TOOLS:-racecheck initcheck memcheck poison}
jobs=()
for tool in $tools; do
    while read -r program test; do
        case "$tool $test" in
            "memcheck Elementwise.ALaunchThatCannotRunIsReported") ;;  # CUDA must refuse a launch there: memcheck would report it
            "initcheck LoraOnGpu.RepeatsBitForBit") ;;                 # bf16 alone
            *) jobs+=("$tool $program $test") ;;
        esac
    done <<<"$list"
done

# tool program test -> a line in results: tool test state errors seconds hazards-of-libraries
one() {
    local log=$LOGS/$1.$3 began=$SECONDS state=clean found=0 library=0 rc=0
    local call=(compute-sanitizer --tool "$1" --show-backtrace device --target-processes application-only --launch-timeout 90
        --port $((20000 + SLOT * 16)) --print-limit 30)
    case $1 in
        memcheck) call+=(--kernel-name kns=caravan) ;;
        racecheck) [[ $3 =~ $PRODUCTS ]] || call+=(--kernel-name kns=caravan) ;;
        initcheck) [[ $3 =~ $PRODUCTS|AttentionOnGpu.Forward ]] && export CARAVAN_FP32=1 ;;
        poison) call=() && export CARAVAN_POISON=1 ;;
    esac
    timeout -k 3 "$LIMIT" "${call[@]}" "$TESTS/$2" --gtest_filter="$3" >"$log" 2>&1 || rc=$?
    found=$(sed -nE 's/.*ERROR SUMMARY: ([0-9]+) error.*/\1/p; s/.*RACECHECK SUMMARY: ([0-9]+) hazard.*/\1/p' "$log" | head -n 1)
    [ "$1" = poison ] && found=0
    if [ "$1" = racecheck ] && [ -n "$found" ]; then  # each report: two lines, one per access
        library=$(grep -A1 'Race reported' "$log" | paste -sd ' ' | sed 's/ -- /\n/g; s/========= [A-Z]/\n&/g' | grep 'Race reported' | grep -vc caravan)
        found=$((found - library))
    fi
    if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then state=time
    elif [ -z "$found" ] || grep -q 'Internal Sanitizer Error' "$log"; then state=broken found=0
    elif [ "$found" != 0 ]; then state=reported
    elif ! grep -q '\[  PASSED  \] 1 test' "$log"; then state=failed; fi
    echo "$1 $3 $state ${found:-0} $((SECONDS - began)) $library" >>"$LOGS/results"
}
export -f one
touch "$LOGS/results"
printf '%s\n' "${jobs[@]}" |
    timeout -k 5 "${TOTAL:-400}" xargs -P "${JOBS:-14}" -L 1 --process-slot-var=SLOT bash -c 'one "$0" "$1" "$2"'

for tool in $tools; do
    asked=$(printf '%s\n' "${jobs[@]}" | grep -c "^$tool ")
    awk -v tool="$tool" -v asked="$asked" '$1 == tool {n++; s[$3]++; found += $4; t += $5; library += $6}
        END {printf "%-9s %2d tests: %d clean, %d with reports (%d %s), %d failed or broken, %d ran out of time, %d not begun or cut off%s; %d s of processes\n",
             tool, asked, s["clean"], s["reported"], found, tool == "racecheck" ? "hazards" : "errors", s["failed"] + s["broken"], s["time"], asked - n,
             library ? "; of libraries\047 kernels " library : "", t}' \
        "$LOGS/results"
done
grep -v ' clean ' "$LOGS/results" | sort | sed 's/^/  /'
rc=0
while read -r tool test state _; do
    rc=1
    echo "== $tool $test: $state"
    grep -E '^=====|Failure|error' "$LOGS/$tool.$test" | grep -vE 'COMPUTE-SANITIZER|^=========$' | cut -c1-230 | head -n "${LINES_SHOWN:-14}"
done < <(grep -E ' (reported|failed|broken|time) ' "$LOGS/results")
tar -C "$LOGS" -czf "$out/sanitize-logs.tar.gz" .
exit $rc
