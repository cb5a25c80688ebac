// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// One function per operation of the step, on at::Tensor; shapes are checked here, and here alone a device is
// named: a CUDA tensor goes through the plugin's table (or at::), a CPU tensor through the kernels' rows with
// parallelRows (or at::). T = tokens of a micro-batch (rows packed behind each other, no padding between), D
// hidden, I intermediate, V vocabulary, E experts, k active experts, r adapter size. "compute type" is fp32
// on the CPU, fp32 or bf16 on CUDA. No operation synchronises with the host. Every weight is [out, in].
namespace caravan::engine::ops {

// --- randomness (methods.md section 6)
// --------------------------------------------------------------------------------
enum class Purpose : std::uint32_t {
    Initialise = 1,
    LoraDropout,
    AdapterDropout,
    Sampling,
    Order,
    Perturb,
    RoundValues,
    RoundGradients
};
// Philox4x32-10 keyed by (seed, purpose, step, layer, site); the element index is the counter. rowOffset =
// index within the optimizer step of the tensor's first row, so that masks do not depend on how a step is cut
// into micro-batches.
struct RandomKey {
    std::uint64_t seed = 0;
    Purpose purpose = Purpose::LoraDropout;
    std::int64_t step = 0;
    std::int32_t layer = 0;
    std::int32_t site = 0;
    std::int64_t rowOffset = 0;
};
// out = x * mask / (1 - p); the mask is a pure function of (key, row, column). p = 0 returns x itself.
at::Tensor dropout(const at::Tensor& x, double p, const RandomKey& key);
// in place: x *= mask / (1 - p), same mask; the backward of dropout.
void dropoutInPlace(at::Tensor& x, double p, const RandomKey& key);
// out += x * mask / (1 - p), same mask.
void dropoutAdd(at::Tensor& out, const at::Tensor& x, double p, const RandomKey& key);
// fp32 values uniform in [-bound, bound), drawn on the host (initial values).
at::Tensor uniformHost(at::IntArrayRef shape, double bound, const RandomKey& key);

// --- normalisation and elementwise
// --------------------------------------------------------------------------------------
struct Normed {
    at::Tensor y;     // [T, D] compute type
    at::Tensor rstd;  // [T] fp32
};
Normed rmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);
// x += add in place, then the norm of x: one pass on a GPU.
Normed rmsNormOfSum(at::Tensor& x, const at::Tensor& add, const at::Tensor& weight, double eps);
// dx of y = x * rstd * weight (weights are frozen): [T, D]; plus add [T, D], the gradient that passes by the
// norm, if defined
at::Tensor rmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& rstd, const at::Tensor& add = {});

struct RopeTable {
    at::Tensor cos, sin;  // [positions, head / 2] fp32
};
// x [T, heads, headSize] rotated in place (Hugging Face's half-split layout); positions [T] int32; inverse =
// backward.
void ropeInPlace(at::Tensor& x, const at::Tensor& positions, const RopeTable& table, bool inverse = false);

// Query, key and value heads of a joined product q|k|v [T, (heads + 2 kvHeads) headSize]: views of it on a
// GPU, tensors of their own on the CPU.
struct Heads {
    at::Tensor query, key, value;  // [T, heads, headSize]
};
Heads splitHeads(const at::Tensor& joined, std::int64_t heads, std::int64_t kvHeads, std::int64_t headSize);
// Rotates query and key in place.
void ropeHeads(Heads& heads, const at::Tensor& positions, const RopeTable& table);
// The same with a cache: key rotated and value go to their rows [T, kvHeads, headSize] there, in one pass on
// a GPU; then they are views of these.
void ropeHeads(Heads& heads, const at::Tensor& positions, const RopeTable& table, const at::Tensor& keyRows,
               const at::Tensor& valueRows);
// dL/d(joined product) from the gradients of rotated query, key and of value; query and key may be
// overwritten.
at::Tensor joinHeads(Heads& gradient, const at::Tensor& positions, const RopeTable& table);

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);  // silu(gate) * up, [T, I]
struct SwigluGradient {
    at::Tensor gate, up;  // views of packed
    at::Tensor packed;    // [T, 2 I] = (gate | up), for one product with the stacked weights
    at::Tensor product;   // silu(gate) * up again, if wanted
};
SwigluGradient swigluBackward(const at::Tensor& dh, const at::Tensor& gate, const at::Tensor& up,
                              bool withProduct = false);

// --- attention
// ------------------------------------------------------------------------------------------------------------
// Rows of a packed micro-batch: row i holds tokens offsets[i] .. offsets[i + 1].
struct Segments {
    std::vector<std::int64_t> offsets;  // host, size rows + 1
    at::Tensor cumulative;              // the same, int32, on the device
    std::int64_t longest = 0;
};
struct Attention {
    at::Tensor out;                 // [T, heads, headSize]
    std::vector<at::Tensor> saved;  // for the backward; opaque
};
// Causal within each row; window: a query sees itself and window - 1 tokens before it.
Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments,
                    std::optional<std::int64_t> window, bool forBackward);
struct AttentionGradient {
    at::Tensor q, k, v;
    at::Tensor joined = {};  // what joinHeads would make of them, in their place
};
// How q and k were rotated.
struct Rotated {
    const at::Tensor& positions;  // [T] int32
    const RopeTable& table;
};
// rotated: the caller wants joinHeads' result: an operation that writes it at once gives it alone.
AttentionGradient attentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                    const at::Tensor& v, const Attention& forward, const Segments& segments,
                                    std::optional<std::int64_t> window, const Rotated* rotated = nullptr);
// Decode: q [B, heads, headSize] against caches [B, capacity, kvHeads, headSize] holding lengths[b]
// positions, the query's own included. lengths int32 on the device. -> [B, heads, headSize]
at::Tensor attentionDecode(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                           const at::Tensor& lengths, std::int64_t longest,
                           std::optional<std::int64_t> window);

// --- products
// ---------------------------------------------------------------------------------------------------------------
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight);           // x W^T
at::Tensor linearBackward(const at::Tensor& dy, const at::Tensor& weight);  // dy W
// y += s * ((drop(x)) A^T) B^T; returns h = drop(x) A^T [T, rank] for the backward.
at::Tensor loraForward(at::Tensor& y, const at::Tensor& x, const at::Tensor& a, const at::Tensor& b, double s,
                       double p, const RandomKey& key);
// dA += s (dy B)^T drop(x); dB += s dy^T h; dx += s mask (dy B A). Gradients are fp32 or the parameters'
// type.
void loraBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& h, const at::Tensor& a,
                  const at::Tensor& b, double s, double p, const RandomKey& key, at::Tensor& da,
                  at::Tensor& db, at::Tensor& dx);

// LoRA of linears that share their input x: part i reads all of x and adds to its own columns of y.
struct LoraPart {
    at::Tensor a, b;         // [rank, in], [out, rank], compute type
    std::int64_t begin = 0;  // first column in y
    double scale = 1;
    std::int32_t site = 0;  // of its dropout mask
    at::Tensor da, db;      // gradients, added to; backward only
    at::Tensor kept;  // backward only: the mask's bits as the forward saved them; undefined: drawn again
};
// A frozen matrix [out, in] as the CPU's products read it, for each direction: laid out once instead of in
// every step (laying out, of these and of what is trained, was 1.4 % of steps). Undefined where products of
// another kind run.
struct FrozenPanels {
    at::Tensor transposed, plain;  // of x W^T, of dy W; flat
};
[[nodiscard]] FrozenPanels packFrozen(const at::Tensor& weight);
struct LoraGroup {
    std::vector<LoraPart> parts;
    double dropout = 0;
    RandomKey key;                         // site is set per part
    const FrozenPanels* panels = nullptr;  // of the weight, if they are kept
};
// x W^T + bias (if defined) + the parts; h per part for the backward. On the CPU the masks' bits may follow,
// one uint8 [T, ceil(in / 8)] per part: drawing them again costs more than reading them.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const LoraGroup& group, std::vector<at::Tensor>& h);
// dy W + the parts' dL/dx; dh = s dy B per part, for loraBackwardParameters.
at::Tensor linearBackward(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& dh);
// y += the parts; h per part for the backward.
std::vector<at::Tensor> loraForward(at::Tensor& y, const at::Tensor& x, const LoraGroup& group);
// Returns dh = s dy B per part; dx += its part of dL/dx, if dx is defined.
std::vector<at::Tensor> loraBackwardInput(const at::Tensor& dy, const LoraGroup& group, at::Tensor& dx);
// dA += dh^T drop(x), dB += s dy^T h, for each part.
void loraBackwardParameters(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                            const std::vector<at::Tensor>& dh, const LoraGroup& group);

// --- mixture
// ----------------------------------------------------------------------------------------------------------------
struct Routing {
    at::Tensor logits;   // [T, E] fp32
    at::Tensor chosen;   // [T, k] int32, by falling logit, ties: lowest index
    at::Tensor weights;  // [T, k] fp32, softmax over the chosen
    at::Tensor counts;   // [E] int32
    at::Tensor offsets;  // [E + 1] int32: rows of an expert in the sorted order
    at::Tensor order;    // [T k] int32: sorted position -> token * k + slot (stable)
    at::Tensor place;    // [T k] int32: its inverse, token * k + slot -> sorted position
};
Routing route(const at::Tensor& logits, std::int64_t k);
// route(x weight^T, k); x [T, D], weight [E, D]. In bf16 logits are rounded to it, as the product's are.
Routing route(const at::Tensor& x, const at::Tensor& weight, std::int64_t k);
// Gradient of the logits: softmax over the chosen (dz = w (dw - sum w dw)) plus the balance term
// coefficient * p_i (f_i - sum_j f_j p_j), with coefficient = alpha E / T and f [E] fp32; coefficient 0 =
// off. -> [T, E] fp32
at::Tensor routeBackward(const Routing& routing, const at::Tensor& dWeights, const at::Tensor& f,
                         double coefficient);

// y = u + s * sum_k w_k W_up,e GELU(W_down,e drop_e(u)); down [E, r, D], up [E, D, r]. Masks are independent
// per expert.
struct Adapters {
    at::Tensor y;     // [T, D]
    at::Tensor h;     // [T k, r] pre-activations in sorted order
    at::Tensor rows;  // [T k, D] u with its masks in sorted order, if it is to be kept; on a GPU alone
};
struct AdapterOptions {
    at::Tensor add;  // [T, D], if defined: what passes by the block, added to y
    bool keepRows = false;
};
Adapters adapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down, const at::Tensor& up,
                  double s, double p, const RandomKey& key, const AdapterOptions& options = {});
struct AdapterGradient {
    at::Tensor u;        // [T, D], g included
    at::Tensor weights;  // dL/dw [T, k] fp32
};
// dDown, dUp are added to. rows: as adapters() kept them, in place of u; undefined: made again from u.
AdapterGradient adaptersBackward(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                 const at::Tensor& h, const at::Tensor& down, const at::Tensor& up, double s,
                                 double p, const RandomKey& key, at::Tensor& dDown, at::Tensor& dUp,
                                 const at::Tensor& rows = {});

// Statistics that accumulate on the device; all fp32.
struct RoutingStatistic {
    at::Tensor load;      // [E, domains, 2 first|all, 2 prompt|answer, 2 count|gate], added to
    at::Tensor perLayer;  // [5]: sums of top probability, margin, token entropy, logsumexp, tokens; added to
    at::Tensor probability;  // [E] sum over tokens of the full softmax (for the balance loss); added to
};
// domain [T] int32, role [T] int32 (0 prompt, 1 answer)
void accumulateRouting(const Routing& routing, const at::Tensor& domain, const at::Tensor& role,
                       RoutingStatistic& statistic);

// --- loss, optimiser
// ----------------------------------------------------------------------------------------------------------
struct CrossEntropy {
    at::Tensor lossSum;  // [] fp32: sum over rows of -log p(label)
    at::Tensor dHidden;  // [N, D]: gradient of scale * lossSum; undefined if not wanted
    at::Tensor perRow;   // [N] fp32
};
// hidden [N, D] (rows that predict a trained token), head [V, D], labels [N] int64; in chunks, logits are
// never kept. panels: of the head, if they are kept.
CrossEntropy crossEntropy(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                          double scale, bool withGradient, const FrozenPanels* panels = nullptr);

at::Tensor gradientNorm(const std::vector<at::Tensor>& flatGradients);  // [] fp32, fixed order of summation
struct AdamW {
    double learningRate = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0;
    std::int64_t step = 1;
    // Of bf16 parameters: the new value is rounded at random, by this key and the element's index, so that
    // it is right on average; none: to the nearest.
    std::optional<RandomKey> rounding = std::nullopt;
};
// One launch per flat buffer. scale [] fp32 on the device multiplies the gradient (clipping); finite [] fp32:
// 0 leaves everything alone.
// working: a bf16 copy of the parameters that is written along, or undefined.
void adamW(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& m, at::Tensor& v,
           const AdamW& options, const at::Tensor& scale, const at::Tensor& finite,
           const at::Tensor& working = {});

// 8-bit states in blocks of 256 (methods.md section 4).
struct AdamW8State {
    at::Tensor codes1, codes2;    // [n] uint8
    at::Tensor absmax1, absmax2;  // [ceil(n / 256)] fp32
};
AdamW8State adamW8State(const at::Tensor& parameters);  // zero
// Parameters fp32 or bf16; otherwise as adamW. A non-finite gradient leaves its element alone.
void adamW8bit(at::Tensor& parameters, const at::Tensor& gradients, AdamW8State& state, const AdamW& options,
               const at::Tensor& scale, const at::Tensor& finite);

// --- NF4 (methods.md section 4)
// -------------------------------------------------------------------------------------------------
struct Nf4 {
    std::vector<std::int64_t> shape;  // of the dense weight [out, in]
    at::Tensor codes;                 // [elements / 2] uint8
    at::Tensor absmax;                // [blocks] uint8 with double quantisation, else fp32
    at::Tensor nestedAbsmax;          // [blocks / 256] fp32
    at::Tensor nestedMap;             // [256] fp32
    double offset = 0;
    [[nodiscard]] bool doubleQuantised() const { return nestedAbsmax.defined(); }
};
// offset: stored one of a golden file; without it the fp64 mean rounded to fp32.
Nf4 quantizeNf4(const at::Tensor& weight, bool doubleQuantise, std::optional<double> offset = std::nullopt);
// -> out [out, in] (bf16, fp16 or fp32): values are rounded to `stored` first, then widened.
void dequantizeNf4(const Nf4& weight, at::ScalarType stored, at::Tensor& out);
// Several that were stored alike, one below the other in out.
void dequantizeNf4(const std::vector<const Nf4*>& weights, at::ScalarType stored, at::Tensor& out);

}  // namespace caravan::engine::ops
