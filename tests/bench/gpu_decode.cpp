// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "engine/bench/random_model.h"
#include "engine/generate/batch_decoder.h"
#include "engine/generate/token_source.h"
#include "engine/model/decode_together.h"
#include "engine/ops/dispatch.h"

// Decoding on the first GPU, beside the read bandwidth measured in the same run: the NF4 matrix-vector
// product (B2), tokens per second of 7B-, 13B- and 34B-like models with experts and LoRA, batch 1, context
// 512, greedy (B10), the time to the first token of a prompt of 2,048 (B11), the cost of noting routes (B15),
// where the time of a token goes, attention at longer contexts, and sequences decoded together. Random
// weights and prompts. usage: bench_gpu_decode [ops] [7b] [13b] [34b] [together | together:13b]
namespace caravan::engine {
namespace {

using Clock = std::chrono::steady_clock;
using generate::DecodePlan;
const at::Device kGpu(at::kCUDA, 0);

const cuda::Table& table() {
    return *ops::cudaState().table;
}
double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}
double median(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

// Median seconds of a captured graph of `f(stream)`.
class Replay {
  public:
    Replay() { check(table().decode.createStream(&m_stream)); }
    ~Replay() { table().decode.destroyStream(m_stream); }
    template <class F>
    double seconds(F&& f, int repeats = 11) {
        table().synchronize(0);
        void* graph = nullptr;
        check(table().decode.beginCapture(m_stream));
        f(m_stream);
        check(table().decode.endCapture(m_stream, &graph));
        std::vector<double> times;
        for (int i = 0; i < repeats + 3; ++i) {
            const auto start = Clock::now();
            check(table().decode.launchGraph(graph, m_stream));
            check(table().decode.synchronizeStream(m_stream));
            if (i >= 3) times.push_back(since(start));
        }
        table().decode.destroyGraph(graph);
        return median(times);
    }

  private:
    static void check(int error) { ops::checkLaunch("bench", error); }
    kernels::cuda::Stream m_stream = nullptr;
};

// Bytes per second: the best of a sum over 4 GiB and a copy of it (bytes read and written).
double readBandwidth() {
    const at::Tensor buffer =
        at::empty({std::int64_t{1} << 30}, at::TensorOptions().device(kGpu).dtype(at::kFloat))
            .uniform_(-1, 1);
    at::Tensor other = at::empty_like(buffer);
    const auto rate = [&](double bytes, auto&& f) {
        std::vector<double> times;
        for (int i = 0; i < 12; ++i) {
            table().synchronize(0);
            const auto start = Clock::now();
            f();
            table().synchronize(0);
            if (i > 1) times.push_back(since(start));
        }
        return bytes / median(times);
    };
    const auto bytes = static_cast<double>(buffer.nbytes());
    const double sum = rate(bytes, [&] { (void)buffer.sum(); }),
                 copy = rate(2 * bytes, [&] { other.copy_(buffer); });
    std::printf("ceiling: sum of 4 GiB %.2f TB/s, copy %.2f TB/s\n", sum * 1e-12, copy * 1e-12);
    return std::max(sum, copy);
}

// --- B2
void product(std::int64_t rows, std::int64_t inner, std::int64_t batch, double ceiling) {
    const auto element = at::TensorOptions().device(kGpu).dtype(at::kBFloat16);
    const auto bytes = static_cast<double>(rows * inner) * (0.5 + 1.0 / 64 + 1.0 / 4096);
    const auto copies = static_cast<std::size_t>(std::ceil(1e9 / bytes));  // far more than the L2 holds
    std::vector<ops::Nf4> weights;
    std::vector<kernels::DecodeLinear> calls;
    const at::Tensor x = at::empty({batch, inner}, element).uniform_(-1, 1),
                     y = at::empty({batch, rows}, element);
    for (std::size_t i = 0; i < copies; ++i) {
        weights.push_back(ops::quantizeNf4(at::empty({rows, inner}, element).uniform_(-1, 1), true));
        const ops::Nf4& w = weights.back();
        kernels::DecodeLinear call{.inner = inner, .batch = batch, .input = x.data_ptr(), .partCount = 1};
        call.parts[0].rows = rows;
        call.parts[0].nf4 = {ops::data<std::uint8_t>(w.codes),  nullptr,
                             ops::data<std::uint8_t>(w.absmax), ops::data<float>(w.nestedAbsmax),
                             ops::data<float>(w.nestedMap),     static_cast<float>(w.offset)};
        call.out = y.data_ptr();
        call.outStride = rows;
        calls.push_back(call);
    }
    Replay replay;
    const double seconds = replay.seconds([&](kernels::cuda::Stream stream) {
        for (const auto& call : calls)
            ops::checkLaunch("bench", table().decode.linear(kernels::cuda::Element::BF16, call, stream));
    }) / static_cast<double>(copies);
    std::printf("B2  NF4 %5ld x %5ld, batch %2ld  %7.2f us  %5.2f TB/s  %3.0f %% of the ceiling\n", rows,
                inner, batch, seconds * 1e6, bytes / seconds * 1e-12, 100 * bytes / seconds / ceiling);
}

// --- B10, B11, B15
std::vector<TokenId> randomPrompt(std::int64_t length, std::int64_t vocabulary, std::uint64_t seed) {
    const at::Tensor values = ops::uniformHost({length}, 0.5, {.seed = seed});
    std::vector<TokenId> ids;
    for (std::int64_t i = 0; i < length; ++i)
        ids.push_back(static_cast<TokenId>((static_cast<double>(ops::data<float>(values)[i]) + 0.5) *
                                           static_cast<double>(vocabulary - 1)));
    return ids;
}

// Bytes that a token at this context must read.
double bytesPerToken(model::Model& model, std::int64_t context) {
    const ModelConfig& c = model.config();
    double sum = static_cast<double>(model.head().nbytes() + 2 * model.embedding().size(1));
    for (const model::Layer& layer : model.layers())
        for (const model::AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            sum += static_cast<double>(linear->frozen.bytes());
    sum += 2.0 * static_cast<double>(model.trainable().count(model::ParameterGroup::Lora) +
                                     model.trainable().count(model::ParameterGroup::Router));
    if (c.moe)
        sum += 2.0 * static_cast<double>(model.trainable().count(model::ParameterGroup::Adapter)) *
               static_cast<double>(c.moe->topK) / static_cast<double>(c.moe->experts);
    return sum + 4.0 * static_cast<double>(c.layers * c.keyWidth() * context);
}

class Decoding {
  public:
    Decoding(model::Model& model, std::int64_t promptLength, std::int64_t tokens, bool routing)
        : m_model(model),
          m_cache(model.makeCache(promptLength + tokens + 8)),
          m_length(promptLength),
          m_tokens(tokens),
          m_routing(routing) {}

    // Seconds to the first token, and per token after the twentieth.
    std::pair<double, double> answer(generate::DeviceDecoder& decoder, std::uint64_t seed) {
        std::vector<TokenId> cached = randomPrompt(m_length, m_model.config().vocabulary, seed);
        const std::vector<TokenId> prompt = cached;
        std::vector<moe::LayerRouting> routing;
        const model::ForwardOptions forward{.routing = m_routing ? &routing : nullptr, .lastAlone = true};
        const generate::SamplerOptions greedy{.temperature = 0, .alternatives = 5};
        m_cache.truncate(0);
        table().synchronize(0);
        const auto start = Clock::now();
        const at::Tensor hidden = m_model.decode(prompt, m_cache, forward);
        const at::Tensor logits = m_model.logits(hidden.narrow(0, hidden.size(0) - 1, 1));
        const generate::AnswerContext context{m_model, m_cache, cached, forward, greedy, 0};
        generate::HostTokens host(
            context, generate::Sampler(greedy, static_cast<std::size_t>(m_model.config().vocabulary)), logits,
            routing);
        generate::DeviceTokens source(context, host, decoder, prompt, m_tokens);
        TokenEvent event;
        (void)source.next();
        source.describe(event);
        const double first = since(start);
        auto mark = Clock::now();
        for (std::int64_t i = 1; i < m_tokens; ++i) {
            (void)source.next();
            TokenEvent token;
            source.describe(token);
            if (i == 20) mark = Clock::now();
        }
        return {first, m_tokens > 21 ? since(mark) / static_cast<double>(m_tokens - 21) : 0};
    }

  private:
    model::Model& m_model;
    model::KvCache m_cache;
    std::int64_t m_length, m_tokens;
    bool m_routing;
};

std::unique_ptr<model::Model> makeModel(const std::string& name) {
    auto model = model::RandomModel::make(model::randomShape(name), 8, 512, true);
    model->attachLora(
        {.rank = 64,
         .alpha = 16,
         .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}});
    model->trainable().values().uniform_(-0.02, 0.02);
    model->trainable().refresh();
    return model;
}

// Steps of one token of each of so many sequences at a position; none: of one, in a graph with its cache in
// it.
class Steps {
  public:
    Steps(model::Model& model, std::int64_t places, std::int32_t position)
        : m_count(static_cast<std::size_t>(std::max<std::int64_t>(1, places))),
          m_caches(cachesOf(model, m_count, position + 128)),
          m_plan(model, {.cache = places == 0 ? &m_caches[0] : nullptr,
                         .routing = true,
                         .places = static_cast<std::int64_t>(m_count),
                         .positions = position + 128}) {
        std::vector<model::KvCache*> held;
        for (model::KvCache& cache : m_caches)
            held.push_back(&cache);
        if (places > 0) m_plan.useCaches(held);
        ops::checkLaunch("bench",
                         table().decode.allocateHost(&m_records, sizeof(kernels::TokenRecord) * 4 * m_count));
        ops::checkLaunch("bench", table().decode.allocateHost(
                                      &m_noted, static_cast<std::size_t>(m_plan.noteCount()) * 16 * m_count));
        m_plan.setRecords(static_cast<kernels::TokenRecord*>(m_records), static_cast<float*>(m_noted));
        std::vector<kernels::TokenState> states(m_count, {.token = 5, .position = position, .index = 1});
        for (std::size_t i = 0; i < m_count; ++i)
            states[i].token += 100 * static_cast<std::int32_t>(i);
        m_plan.state.copy_(at::from_blob(
            states.data(), {static_cast<std::int64_t>(m_count * sizeof(kernels::TokenState))}, at::kByte));
    }
    Steps(const Steps&) = delete;
    Steps& operator=(const Steps&) = delete;
    ~Steps() {
        table().decode.freeHost(m_records);
        table().decode.freeHost(m_noted);
    }
    double seconds(unsigned stages) {
        return m_replay.seconds([&](kernels::cuda::Stream stream) { m_plan.launch(stream, stages); }, 21);
    }

  private:
    static std::vector<model::KvCache> cachesOf(model::Model& model, std::size_t count,
                                                std::int64_t positions) {
        std::vector<model::KvCache> caches;
        for (std::size_t i = 0; i < count; ++i)
            caches.push_back(model.makeCache(positions));
        return caches;
    }
    std::size_t m_count;
    std::vector<model::KvCache> m_caches;
    DecodePlan m_plan;
    void *m_records = nullptr, *m_noted = nullptr;
    Replay m_replay;
};

void waterfall(model::Model& model, double ceiling, std::int64_t places = 0) {
    Steps steps(model, places, 512);
    const auto time = [&](unsigned stages) { return steps.seconds(stages); };
    const double all = time(DecodePlan::All), none = time(0);
    std::printf("    a step alone %.0f us;", all * 1e6);
    const std::pair<const char*, unsigned> stages[] = {{"linears", DecodePlan::Linears},
                                                       {"attention", DecodePlan::Attention},
                                                       {"experts", DecodePlan::Experts},
                                                       {"head", DecodePlan::Head},
                                                       {"choice", DecodePlan::Choice}};
    for (const auto& [name, stage] : stages)
        std::printf(" %s %.0f", name, (time(stage) - none) * 1e6);
    std::printf(" (each by itself), begin and graph %.0f\n", none * 1e6);
    double bytes = 0;
    for (const model::Layer& layer : model.layers())
        for (const model::AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            bytes += static_cast<double>(linear->frozen.bytes());
    bytes += 2.0 * static_cast<double>(model.trainable().count(model::ParameterGroup::Lora));
    if (places > 0) return;
    std::printf("    linears: %.0f us at the ceiling\n    attention at position", bytes / ceiling * 1e6);
    for (const std::int32_t position : {1024, 2048, 3968}) {
        Steps at(model, 0, position);
        const double begin = at.seconds(0);
        std::printf(" %d: %.0f us%s", position, (at.seconds(DecodePlan::Attention) - begin) * 1e6,
                    position < 3968 ? "," : "\n");
    }
}

// --- several sequences at once
// Seconds of a step of so many sequences behind prompts of 512.
double stepSeconds(model::Model& model, std::int64_t count) {
    constexpr std::int64_t kPrompt = 512, kTokens = 121, kWarm = 20;
    const generate::SamplerOptions greedy{.temperature = 0, .alternatives = 5};
    std::vector<model::KvCache> caches;
    for (std::int64_t i = 0; i < count; ++i) {
        caches.push_back(model.makeCache(kPrompt + kTokens));
        if (i == 0)
            (void)model.decode(randomPrompt(kPrompt, model.config().vocabulary, 1), caches[0]);
        else
            model::copyPrefix(model, caches[0], kPrompt, caches.back());
    }
    generate::BatchDecoder decoder(model, {.routing = true, .positions = kPrompt + kTokens});
    std::vector<double> times;
    for (int repeat = 0; repeat < 5; ++repeat) {
        std::vector<generate::DeviceSequence> sequences;
        for (std::int64_t i = 0; i < count; ++i)
            sequences.push_back({.cache = &caches[static_cast<std::size_t>(i)],
                                 .last = static_cast<TokenId>(1000 + 77 * i + repeat),
                                 .sampler = greedy,
                                 .tokens = kTokens});
        decoder.seat(sequences);
        auto mark = Clock::now();
        for (std::int64_t step = 0; step < kTokens; ++step) {
            for (const auto& token : decoder.next()) {
                TokenEvent event;
                decoder.describe(token.value(), event);
            }
            if (step == kWarm) mark = Clock::now();
        }
        times.push_back(since(mark) / static_cast<double>(kTokens - kWarm - 1));
    }
    return median(times);
}

void together(const std::string& name) {
    const auto model = makeModel(name);
    double one = 0;
    for (const std::int64_t count : {1, 2, 4, 8, 16}) {
        const double seconds = stepSeconds(*model, count), rate = static_cast<double>(count) / seconds;
        if (count == 1) one = rate;
        std::printf("B10 %s  %2ld together: %7.1f tokens/s, a step %6.2f ms, %4.2f of one alone\n",
                    name.c_str(), count, rate, seconds * 1e3, rate / one);
        waterfall(*model, 0, count);
    }
}

void decode(const std::string& name, double ceiling) {
    const auto made = Clock::now();
    const auto model = makeModel(name);
    std::printf("%s: made in %.0f s\n", name.c_str(), since(made));
    double perToken[2] = {};
    for (const bool routing : {true, false}) {
        generate::DeviceDecoder decoder(*model);
        Decoding run(*model, 512, 121, routing);
        std::vector<double> times;
        for (std::uint64_t i = 0; i < 5; ++i)
            times.push_back(run.answer(decoder, i + 1).second);
        perToken[routing] = median(times);
        std::sort(times.begin(), times.end());
        if (routing)
            std::printf("B10 %s  %6.1f tokens/s (%.1f to %.1f), %.2f GB a token: %.0f %% of the ceiling\n",
                        name.c_str(), 1 / times[2], 1 / times.back(), 1 / times.front(),
                        bytesPerToken(*model, 572) * 1e-9,
                        100 * bytesPerToken(*model, 572) / times[2] / ceiling);
    }
    std::printf("B15 %s  notes of every layer cost %.2f %%\n", name.c_str(),
                100 * (perToken[1] / perToken[0] - 1));
    waterfall(*model, ceiling);
    generate::DeviceDecoder decoder(*model);
    Decoding run(*model, 2048, 2, true);
    std::vector<double> times;
    for (std::uint64_t i = 0; i < 7; ++i)
        times.push_back(run.answer(decoder, i + 50).first);
    times.erase(times.begin());  // libraries load
    std::printf("B11 %s  first token of a prompt of 2,048 after %.1f ms (median; best %.1f)\n", name.c_str(),
                1e3 * median(times), 1e3 * *std::min_element(times.begin(), times.end()));
}

}  // namespace
}  // namespace caravan::engine

int main(int argc, char** argv) {
    using namespace caravan::engine;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was measured is told, whatever happens later
    if (!ops::openCuda().table) return std::puts("no GPU"), 1;
    c10::InferenceMode guard;
    std::vector<std::string> what(argv + 1, argv + argc);
    if (what.empty()) what = {"ops", "7b", "together", "13b", "34b"};
    std::printf("%s\n", ops::cudaDeviceName(0).c_str());
    const double ceiling = readBandwidth();
    for (const std::string& name : what) {
        if (name.starts_with("together")) {
            together(name == "together" ? "7b" : name.substr(9));
            continue;
        }
        if (name != "ops") {
            decode(name, ceiling);
            continue;
        }
        for (const auto& [rows, inner] :
             {std::pair<long, long>{4096, 4096}, {11008, 4096}, {4096, 11008}, {20480, 7168}})
            product(rows, inner, 1, ceiling);
        for (const long batch : {2, 4, 8, 16}) {
            product(11008, 4096, batch, ceiling);
            product(4096, 11008, batch, ceiling);
        }
    }
    return 0;
}
