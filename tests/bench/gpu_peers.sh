#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Caravan beside what people use today, on a machine with an NVIDIA GPU: own figure, then the peer's, in one run, as ratios (rows B3, B5, B6, B10, B16).
# usage: [ONLY="adapters pesc unsloth decode reference"] gpu_peers.sh BUILD PEERS DATA
#   BUILD  a build with caravan-cli (gpu_check.sh makes one: add the targets caravan-cli caravan_engine_library)
#   PEERS  folder with hf_qlora.py, hf_decode.py, unsloth_qlora.py, make_model.py, tune_reference.py, common.py, pesc_module.py and, under wheels/{bnb,site}, the
#          unpacked bitsandbytes and unsloth; TOKENIZER: folder with Llama 2's tokenizer.json and tokenizer.model, for Unsloth
#   DATA   folder with models/base-16m and instruct/split/{general,code,math}.{train,heldout}.jsonl
set -uo pipefail
cd "$(dirname "$0")/../.."
cli=$(realpath "$1")/app/caravan-cli peers=$(realpath "$2") data=$(realpath "$3")
only=" ${ONLY:-reference adapters pesc decode unsloth} "
work=$(mktemp -d)
export PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PYTHONWARNINGS=ignore TQDM_DISABLE=1 PYTHONDONTWRITEBYTECODE=1
export TOKENIZER=${TOKENIZER:-$PWD/tests/data/tokenizers/llama2}
began=$(date +%s)
asked() { case $only in *" $1 "*) echo "== $(($(date +%s) - began)) s: $1" ;; *) return 1 ;; esac; }
peer() { (cd "$peers" && OUT=$work PYTHONPATH=$peers/wheels/bnb:$peers/wheels/site:$peers timeout "${LIMIT:-200}" python3 "$@" >"$work/$name.txt" 2>&1) || tail -n 5 "$work/$name.txt"; }

if asked reference; then
    files=() held=()
    for d in general code math; do
        files+=(--data "$data/instruct/split/$d.train.jsonl,name=$d") held+=(--heldout "$data/instruct/split/$d.heldout.jsonl,name=$d")
    done
    for compute in fp32 bf16; do
        "$cli" tune --recipe resources/presets/reference.json "${files[@]}" "${held[@]}" --set "tune.compute=$compute" --project "$work/$compute" --name r --json \
            --device cuda >"$work/own-$compute.jsonl" 2>"$work/own-$compute.txt" || tail -n 3 "$work/own-$compute.txt"
    done
    name=reference peer tune_reference.py "$data" pesc
fi
rows=()
case $only in *" adapters "*) rows+=(B3) ;; esac
case $only in *" pesc "*) rows+=(B5) ;; esac
case $only in *" unsloth "*) rows+=(B6) ;; esac
case $only in *" decode "*) rows+=(B10) ;; esac
[ ${#rows[@]} -gt 0 ] && "$cli" bench --device cuda "${rows[@]}" --json >"$work/own-bench.jsonl" 2>"$work/own-bench.txt"
# The module alone, with its router, around an FFN that does nothing.
if asked adapters; then
    name=adapters peer -c 'import json, os, statistics, time, torch
from pesc_module import PescMlp
m = PescMlp(torch.nn.Identity(), 4096, 8, 2, 512, 0.25, 0.1).cuda().bfloat16().train()
for e in m.experts: torch.nn.init.normal_(e.adapter_up.weight, std=0.02)
for tokens in (512, 2048, 16384):
    times = []
    for i in range(12):
        x = torch.randn(tokens, 4096, device="cuda", dtype=torch.bfloat16, requires_grad=True)
        g = torch.randn_like(x)
        torch.cuda.synchronize(); t = time.perf_counter()
        m(x).backward(g); torch.cuda.synchronize()
        if i > 1: times.append(time.perf_counter() - t)
    print(json.dumps({"tokens": tokens, "seconds": statistics.median(times)}), file=open(os.environ["OUT"] + "/results_adapters.jsonl", "a"))'
fi
# The authors' scheme as their users run it: with checkpointing where it must be, without where it fits.
if asked pesc; then
    name=pesc peer -c 'import hf_qlora as h
h.VARIANTS = {"pesc": ("nf4", True, 0.1, "bf16", [(True, "bnb8", ((8, 2048),)), (False, "bnb8", ((4, 2048), (1, 512)))])}
h.run("pesc")'
fi
if asked decode; then
    name=decode peer -c 'import sys, re
sys.argv = ["hf_decode.py", "nf4-dq-pesc-lora"]
exec(open("hf_decode.py").read().replace("(512, 128)", "(512, 32)"))'
fi
if asked unsloth; then
    name=model peer make_model.py "$work/m7"
    name=unsloth peer unsloth_qlora.py "$work/m7" false train
fi
python3 - "$work" <<'P'
import json, os, re, sys
work = sys.argv[1]
def lines(name):
    path = os.path.join(work, name)
    for line in open(path) if os.path.exists(path) else []:
        try: yield json.loads(line)
        except ValueError: pass
print(f"{'what':44s} {'own':>10s} {'peer':>10s} {'ratio':>7s}")
def row(what, own, peer, higher=True):
    print(f"{what:44s} {own:10.2f} {peer:10.2f} {own / peer if higher else peer / own:7.2f}")
own = {(d["row"], d["what"]): d["value"] for d in lines("own-bench.jsonl") if d.get("type") == "bench"}
for d in lines("results_adapters.jsonl"):
    mine = own.get(("B3", f"{d['tokens']} tokens"))
    if mine: row(f"adapters, {d['tokens']} tokens, forward and backward, ms", 12 * 2 * d["tokens"] * 4096 * 512 / (mine * 1e12) * 1e3, d["seconds"] * 1e3, False)
for d in lines("results.jsonl"):
    if "tok_s" in d and d.get("variant", "").startswith("pesc") or d.get("pesc"):
        shape = f"{d['batch']}x{d['seq']}"
        mine = own.get(("B5", f"7b, {shape}"))
        if mine and "tok_s" in d: row(f"PESC 7B {shape}, peer {'checkpointing' if d['ckpt'] else 'saves all'}, tokens/s", mine, d["tok_s"])
    if d.get("decode") and "tok_s" in d:
        row("decoding 7B PESC, batch 1, tokens/s", own[("B10", "decoding, batch 1")], d["tok_s"])
for d in lines("results_unsloth.jsonl"):
    mine = own.get(("B6", f"7b, {d.get('batch')}x{d.get('seq')}"))
    if mine and "tok_s" in d: row(f"dense 7B {d['batch']}x{d['seq']}, peer Unsloth, tokens/s", mine, d["tok_s"])
path = os.path.join(work, "reference.txt")
found = re.search(r"pesc: (\d+) steps in (\d+) s.*mean ([0-9.]+)", open(path).read()) if os.path.exists(path) else None
for compute in ("fp32", "bf16"):
    last = mean = None
    for d in lines(f"own-{compute}.jsonl"):
        if d.get("type") == "step": last = d
        if d.get("type") == "evaluation": mean = d["mean"]
    if found and last:
        row(f"reference run in {compute}, {last['step']} steps, s", last["seconds"], float(found[2]) * last["step"] / float(found[1]), False)
        print(f"    held-out mean: own {mean:.4f}, peer {found[3]} after {found[1]} steps")
P
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
rm -rf "$work"
