#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The CPU in one run: tuning step against PyTorch eager doing the same mathematics (base-16m, PESC 8 experts top-2 adapters of 64,
# LoRA 64, fp32), and decoding against the machine's read bandwidth.
# usage: cpu_ratios.sh BUILD_FOLDER [PEER_SCRIPT]
# PEER_SCRIPT prints "ROWSxLENGTH: N tokens/s ..." when run as: $PYTHON PEER_SCRIPT MODEL_FOLDER THREADS (PYTHON: python3). Both take
# turns, TURNS times (3), because a shared machine's speed drifts by a fifth within minutes; the ratio is the median of the turns'.
# Without PEER_SCRIPT the ratios are against the rates recorded on a quiet 2-core machine (679, 691 and 563 tokens/s).
set -eu
build=${1:?build folder}
here=$(cd "$(dirname "$0")/../.." && pwd)
threads=${THREADS:-2}
turns=${TURNS:-3}
model=$here/resources/demo/base-16m
shapes="4x256 8x256 4x512"
if [ $# -gt 1 ]; then source=measured; else source=recorded; fi
rate() { echo "$1" | sed -n "s/^$2: \([0-9]*\) .*/\1/p"; }

table=""
turn=1
while [ "$turn" -le "$turns" ]; do
    own=$("$build/bench/bench_cpu_step" "$threads" "$model")
    if [ $# -gt 1 ]; then
        peer=$(cd "$(dirname "$2")" && "${PYTHON:-python3}" "$2" "$model" "$threads")
    else
        peer=$(printf '4x256: 679 tokens/s\n8x256: 691 tokens/s\n4x512: 563 tokens/s\n')
    fi
    for shape in $shapes; do
        a=$(rate "$own" "$shape")
        b=$(rate "$peer" "$shape")
        [ -n "$a" ] && [ -n "$b" ] || { echo "cpu_ratios.sh: no rate of $shape in turn $turn" >&2; exit 1; }
        table="$table$shape $a $b
"
    done
    echo "turn $turn of $turns done, load $(cut -d' ' -f1-3 /proc/loadavg)" >&2
    turn=$((turn + 1))
done

echo "$threads threads, $turns turns, tokens/s; ratio: the turns' median, from lowest to highest"
printf '%-8s %-24s %-24s %s\n' shape caravan "eager ($source)" ratio
for shape in $shapes; do
    printf '%s' "$table" | awk -v s="$shape" '
        function sorted(v, n, i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j-1]; j--) { t = v[j]; v[j] = v[j-1]; v[j-1] = t } }
        function median(v, n) { return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
        $1 == s { n++; a[n] = $2; b[n] = $3; r[n] = $2 / $3 }
        END {
            sorted(a, n); sorted(b, n); sorted(r, n)
            printf "%-8s %-24s %-24s %.2f (%.2f to %.2f)\n", s, sprintf("%d (%d to %d)", median(a, n), a[1], a[n]),
                sprintf("%d (%d to %d)", median(b, n), b[1], b[n]), median(r, n), r[1], r[n]
        }'
done
"$build/bench/bench_cpu_decode" "$threads" "$model"
