// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/adapter_fit.h"

#include <ATen/Functions.h>

#include <chrono>
#include <cmath>

#include "engine/data/counter_random.h"
#include "engine/ops/ops.h"

namespace caravan::engine::routing {
namespace {

constexpr std::int64_t kBatchTokens = 1024;
constexpr std::int64_t kCheckEvery = 100;  // steps
constexpr double kStandstill = 0.002;      // of xi in kCheckEvery steps
constexpr int kLowerings = 3;              // of the learning rate, by kLowered
constexpr double kLowered = 0.3;
constexpr double kNothing = 1e-7;      // of xi: what fp32 leaves of a perfect fit
constexpr double kLearningRate = 0.1;  // over sqrt(D): the size of W_down's initial values

double meanSquare(const at::Tensor& x) {
    return x.square().mean(at::kDouble).item<double>();
}

// Half of the tokens' outputs are larger: a few tokens of huge outputs, which real models have, do not set
// the scale.
double middleSize(const at::Tensor& u) {
    return std::sqrt(u.square().mean(1).median().item<double>());
}

// The data as the fit sees it: target - input is what the adapter has to say.
struct Scaled {
    at::Tensor input, target;
    double gap = 0;  // sum of |target - input|^2
};

// Sum of |y - target|^2 with y = output(input), in parts; y is written over.
template <class F>
double distance(const Scaled& data, F&& output) {
    double sum = 0;
    const std::int64_t tokens = data.input.size(0);
    for (std::int64_t at = 0; at < tokens; at += kBatchTokens) {
        const std::int64_t part = std::min(kBatchTokens, tokens - at);
        at::Tensor y = output(data.input.narrow(0, at, part));
        sum += y.sub_(data.target.narrow(0, at, part)).square_().sum(at::kDouble).template item<double>();
    }
    return sum;
}

class Fitter {
  public:
    Fitter(const FfnPairs& pairs, const FitOptions& options)
        : m_options(options), m_hidden(pairs.fitting.frozen.size(1)) {
        const double size = middleSize(pairs.fitting.frozen);
        const double change = std::sqrt(meanSquare(pairs.fitting.tuned - pairs.fitting.frozen));
        const auto scaled = [&](const FfnPair& pair) {
            Scaled out;
            out.input = (pair.frozen / (size > 0 ? size : 1)).contiguous();
            out.target = ((pair.tuned - pair.frozen) / change).add_(out.input).contiguous();
            out.gap = distance(out, [](const at::Tensor& u) { return u.clone(); });
            return out;
        };
        m_fitting = scaled(pairs.fitting);
        m_heldOut = scaled(pairs.heldOut);
        begin();
    }

    AdapterFit run(const std::function<void(std::int64_t)>& told, const std::stop_token& stop) {
        const auto began = std::chrono::steady_clock::now();
        AdapterFit fit{.width = m_options.width};
        int lowerings = 0;
        double best = xi(m_fitting);
        at::Tensor kept = m_values.clone();
        while (fit.steps < m_options.maxSteps && !fit.settled) {
            const std::int64_t part = std::min(kCheckEvery, m_options.maxSteps - fit.steps);
            for (std::int64_t i = 0; i < part; ++i) {
                if (stop.stop_requested())
                    throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
                step();
                ++fit.steps;
                if (told && fit.steps % 10 == 0) told(fit.steps);
            }
            const double now = xi(m_fitting);
            fit.falling = now < best ? 1 - now / best : 0;
            const bool standing = !(now < best * (1 - kStandstill));  // also where it is not a number
            if (now < best) {
                best = now;
                kept.copy_(m_values);
            } else {
                m_values.copy_(kept);
                forget();
            }
            if (best < kNothing) fit.settled = true;
            if (!standing || fit.settled) continue;
            fit.settled = lowerings++ == kLowerings;
            m_learningRate *= kLowered;
        }
        m_values.copy_(kept);
        fit.fitted = xi(m_fitting);
        fit.heldOut = xi(m_heldOut);
        fit.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        return fit;
    }

  private:
    void begin() {
        const std::int64_t width = m_options.width, half = width * m_hidden;
        const auto on = m_fitting.input.options();
        m_values = at::zeros({2 * half}, on);
        m_gradients = at::zeros({2 * half}, on);
        m_first = at::zeros({2 * half}, on);
        m_second = at::zeros({2 * half}, on);
        m_down = m_values.narrow(0, 0, half).view({1, width, m_hidden});
        m_up = m_values.narrow(0, half, half).view({1, m_hidden, width});
        m_downGradient = m_gradients.narrow(0, 0, half).view(m_down.sizes());
        m_upGradient = m_gradients.narrow(0, half, half).view(m_up.sizes());
        const ops::RandomKey key{.seed = m_options.seed,
                                 .purpose = ops::Purpose::Initialise,
                                 .layer = static_cast<std::int32_t>(m_options.layer),
                                 .site = static_cast<std::int32_t>(width)};
        const double bound = 1 / std::sqrt(static_cast<double>(m_hidden));
        m_down.copy_(ops::uniformHost({1, width, m_hidden}, bound, key));
        m_learningRate = kLearningRate * bound;
        m_routing = alone(std::min(kBatchTokens, m_fitting.input.size(0)));
    }

    // Every token to the only expert, gate 1.
    [[nodiscard]] ops::Routing alone(std::int64_t tokens) const {
        return ops::route(at::zeros({tokens, 1}, m_fitting.input.options()), 1);
    }

    [[nodiscard]] double xi(const Scaled& data) const {
        return distance(data,
                        [this](const at::Tensor& u) {
                            return ops::adapters(u, alone(u.size(0)), m_down, m_up, 1, 0, {}).y;
                        }) /
               data.gap;
    }

    // The next rows of an order that is drawn anew when it has been used up.
    [[nodiscard]] at::Tensor nextRows() {
        const std::int64_t tokens = m_fitting.input.size(0), part = m_routing.logits.size(0);
        if (!m_order.defined() || m_at + part > tokens) {
            const auto drawn = permutation(m_options.seed, DataPurpose::EpochOrder,
                                           static_cast<std::uint32_t>(m_epoch++), tokens);
            at::Tensor order = at::empty({tokens}, at::kInt);
            std::copy(drawn.begin(), drawn.end(), order.mutable_data_ptr<std::int32_t>());
            m_order = order.to(m_fitting.input.device());
            m_at = 0;
        }
        m_at += part;
        return m_order.narrow(0, m_at - part, part);
    }

    void step() {
        const at::Tensor rows = nextRows();
        const at::Tensor u = m_fitting.input.index_select(0, rows);
        const ops::Adapters forward = ops::adapters(u, m_routing, m_down, m_up, 1, 0, {});
        // of the sum of squares over the mean token
        at::Tensor g = forward.y - m_fitting.target.index_select(0, rows);
        g.mul_(2 / static_cast<double>(u.size(0)));
        m_gradients.zero_();
        static_cast<void>(ops::adaptersBackward(g, u, m_routing, forward.h, m_down, m_up, 1, 0, {},
                                                m_downGradient, m_upGradient));
        ops::adamW(m_values, m_gradients, m_first, m_second,
                   {.learningRate = m_learningRate, .step = ++m_steps}, {}, {});
    }

    void forget() {
        m_first.zero_();
        m_second.zero_();
        m_steps = 0;
    }

    FitOptions m_options;
    std::int64_t m_hidden;
    Scaled m_fitting, m_heldOut;
    at::Tensor m_values, m_gradients, m_first, m_second;  // flat: W_down, then W_up
    at::Tensor m_down, m_up, m_downGradient, m_upGradient;
    ops::Routing m_routing;
    at::Tensor m_order;
    std::int64_t m_at = 0, m_epoch = 0, m_steps = 0;
    double m_learningRate = 0;
};

}  // namespace

double relativeChange(const FfnPair& pair) {
    const double change = meanSquare(pair.tuned - pair.frozen);
    return change > 0 ? change / meanSquare(pair.frozen) : change;
}

AdapterFit fitAdapter(const FfnPairs& pairs, const FitOptions& options,
                      const std::function<void(std::int64_t)>& told, const std::stop_token& stop) {
    if (options.width == 0) return {.width = 0, .heldOut = 1, .fitted = 1, .settled = true};
    return Fitter(pairs, options).run(told, stop);
}

}  // namespace caravan::engine::routing
