#!/bin/bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# On a machine with an NVIDIA GPU: the reference run (PESC and dense LoRA in fp32, PESC in bf16 and NF4), 40 steps on the GPU against the CPU, and a
# 7B-shaped random model that is quantised to NF4, tuned and asked, its memory plan beside its measured peak.
# usage: [ONLY=7b] gpu_reference.sh DATA   (DATA: folder with {general,code,math}.{train,heldout}.jsonl); gpu_check.sh first sets up the build.
set -uo pipefail
cd "$(dirname "$0")/../.."
data=$1
out=${OUT:-/tmp}
began=$(date +%s)
stamp() { echo "== $(($(date +%s) - began)) s: $*"; }
sed -n '/^prefix=/,/^stamp configure/p' tests/bench/gpu_check.sh >/tmp/env.sh
. /tmp/env.sh
build=/tmp/caravan-gpu-build
[ -f "$build/build.ninja" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCARAVAN_GUI=OFF -DCARAVAN_CUDA=ON -DCARAVAN_TESTS=OFF \
    -DCMAKE_CUDA_COMPILER="$(command -v nvcc)" -DCARAVAN_CUDA_ARCHITECTURES=90a-real -DLIBTORCH_ROOT="$root" \
    -DCMAKE_PREFIX_PATH="$prefix/usr" -DCARAVAN_SENTENCEPIECE_SOURCE="$prefix/sentencepiece" >"$out/configure.log" 2>&1 || { tail -30 "$out/configure.log"; exit 1; }
stamp build
ninja -C "$build" -j"$(nproc)" caravan_cuda caravan-cli caravan_engine_library >"$out/build.log" 2>&1 || { grep -E "error|FAILED|undefined" -A3 "$out/build.log" | head -60; exit 1; }
cli=$build/app/caravan-cli
files=() held=()
for d in general code math; do files+=(--data "$data/$d.train.jsonl,name=$d") held+=(--heldout "$data/$d.heldout.jsonl,name=$d"); done
tune() { # name, then options
    local name=$1; shift
    "$cli" tune --recipe resources/presets/reference.json "${files[@]}" "${held[@]}" --project "/tmp/reference-$name" --name r --json "$@" >"$out/$name.jsonl" 2>"$out/$name.err"
    echo "$name: exit $?"; grep -h '"evaluation"' "$out/$name.jsonl" | tail -n 2; tail -n 3 "$out/$name.err"
}
if [ "${ONLY:-}" != 7b ]; then
stamp "40 steps on the CPU begin"
(tune cpu40 --device cpu --threads 8 --set tune.steps=40 >"$out/cpu40.txt" 2>&1; echo "cpu40 took $(($(date +%s) - began)) s from the start" >>"$out/cpu40.txt") &
stamp "reference run, PESC"
time tune pesc --device cuda
stamp "reference run, dense LoRA"
time tune dense --device cuda --set upcycle.method=none
tune gpu40 --device cuda --set tune.steps=40
stamp "reference run, PESC in bf16, then over NF4"
time tune bf16 --device cuda --set tune.compute=bf16
time tune nf4 --device cuda --set tune.compute=bf16 --set model.quantization=nf4
fi
stamp "7B-shaped model"
python3 - <<'P'
import json, os, torch
from safetensors.torch import save_file
D, I, L, V = 4096, 11008, 32, 32000
out = "/tmp/llama-7b"; os.makedirs(out, exist_ok=True)
g = torch.Generator(device="cuda").manual_seed(0)
def w(*s): return (torch.randn(*s, device="cuda", generator=g) * 0.02).to(torch.bfloat16).cpu()
index, total, shard = {}, 0, 0
def put(t):
    global shard, total
    shard += 1; name = f"model-{shard:05d}-of-00009.safetensors"; save_file(t, f"{out}/{name}", {"format": "pt"})
    for k, v in t.items(): index[k] = name; total += v.numel() * 2
put({"model.embed_tokens.weight": w(V, D), "lm_head.weight": w(V, D), "model.norm.weight": torch.ones(D, dtype=torch.bfloat16)})
for first in range(0, L, 4):
    t = {}
    for i in range(first, first + 4):
        p = f"model.layers.{i}."
        for n in "qkvo": t[p + f"self_attn.{n}_proj.weight"] = w(D, D)
        t[p + "mlp.gate_proj.weight"], t[p + "mlp.up_proj.weight"], t[p + "mlp.down_proj.weight"] = w(I, D), w(I, D), w(D, I)
        for n in ("input_layernorm", "post_attention_layernorm"): t[p + n + ".weight"] = torch.ones(D, dtype=torch.bfloat16)
    put(t)
json.dump({"metadata": {"total_size": total}, "weight_map": index}, open(f"{out}/model.safetensors.index.json", "w"))
json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": D, "intermediate_size": I, "num_hidden_layers": L, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": V, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"}, open(f"{out}/config.json", "w"))
P
cp tests/data/tokenizers/llama2/tokenizer.model /tmp/llama-7b/
seven=(--model /tmp/llama-7b "${files[@]}" --set model.quantization=nf4 --set tune.steps=6 --set tune.batch_rows=32 --set tune.sequence_length=2048 --set tune.micro_batch_tokens=4096 --set tune.optimizer=adamw)
stamp "7B: plan"
"$cli" plan "${seven[@]}" --json --device cuda 2>&1 | tail -n 3
stamp "7B: tune"
timeout 200 "$cli" tune "${seven[@]}" --project /tmp/seven --name r --json --device cuda >"$out/seven.jsonl" 2>"$out/seven.err"
echo "7B: exit $?"
grep -h '"step"' "$out/seven.jsonl" | python3 -c 'import json,sys
for l in sys.stdin:
    d=json.loads(l)
    if d.get("type")=="step": print("step %d loss %.4f  %.0f tokens/s  peak %.2f GiB" % (d["step"], d["loss"], d["tokens_per_second"], d["memory_bytes"]/2**30))'
tail -n 4 "$out/seven.err"
stamp "7B: answer"
timeout 100 "$cli" chat /tmp/seven/runs/r --prompt "Hello" --greedy --max-tokens 32 --json --device cuda 2>&1 | tail -n 1
wait
[ "${ONLY:-}" = 7b ] || cat "$out/cpu40.txt"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
stamp done
