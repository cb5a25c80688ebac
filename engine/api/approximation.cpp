// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/approximation.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>

#include "engine/api/config/column_mapping.h"
#include "engine/api/event_json.h"
#include "engine/api/json_values.h"

namespace caravan::engine {

using nlohmann::json;
using namespace jsonvalues;

namespace {

json fitJson(const AdapterFit& fit) {
    return {{"width", fit.width},
            {"xi", number(fit.heldOut)},
            {"xi_fitted", number(fit.fitted)},
            {"xi_linear", number(fit.linear)},
            {"xi_linear_fitted", number(fit.linearFitted)},
            {"steps", fit.steps},
            {"settled", fit.settled},
            {"falling", number(fit.falling)},
            {"seconds", number(fit.seconds)}};
}

AdapterFit fitOf(const json& in) {
    AdapterFit fit;
    read(in, "width", fit.width);
    fit.heldOut = numberOf(in.at("xi"));
    fit.fitted = numberOf(in.at("xi_fitted"));
    fit.linear = numberOf(in.value("xi_linear", json()));
    fit.linearFitted = numberOf(in.value("xi_linear_fitted", json()));
    read(in, "steps", fit.steps);
    read(in, "settled", fit.settled);
    read(in, "falling", fit.falling);
    read(in, "seconds", fit.seconds);
    return fit;
}

}  // namespace

void to_json(json& out, const ApproximationRequest& r) {
    json files = json::array();
    for (const DomainFile& f : r.files)
        files.push_back({{"path", f.path}, {"name", f.name}, {"columns", mappingToJson(f.columns)}});
    out = {{"base", r.base},          {"tuned", r.tuned},   {"files", std::move(files)},
           {"widths", r.widths},      {"layers", r.layers}, {"max_tokens", r.maxTokens},
           {"max_steps", r.maxSteps}, {"seed", r.seed},     {"save", r.save}};
}
void from_json(const json& in, ApproximationRequest& r) {
    in.at("base").get_to(r.base);
    in.at("tuned").get_to(r.tuned);
    r.files.clear();
    for (const json& f : in.value("files", json::array()))
        r.files.push_back({f.at("path").get<std::string>(), f.value("name", std::string()),
                           mappingFromJson(f.value("columns", json::object()))});
    read(in, "widths", r.widths);
    read(in, "layers", r.layers);
    read(in, "max_tokens", r.maxTokens);
    read(in, "max_steps", r.maxSteps);
    read(in, "seed", r.seed);
    read(in, "save", r.save);
}

void to_json(json& out, const Approximation& a) {
    json layers = json::array();
    for (const LayerApproximation& layer : a.layers) {
        json fits = json::array();
        for (const AdapterFit& fit : layer.fits)
            fits.push_back(fitJson(fit));
        layers.push_back(
            {{"layer", layer.layer}, {"change", number(layer.change)}, {"fits", std::move(fits)}});
    }
    out = {{"base", a.base},
           {"tuned", a.tuned},
           {"probe", a.probe},
           {"fitted_tokens", a.fittedTokens},
           {"held_out_tokens", a.heldOutTokens},
           {"hidden", a.hidden},
           {"intermediate", a.intermediate},
           {"seed", a.seed},
           {"layers", std::move(layers)}};
}
void from_json(const json& in, Approximation& a) {
    read(in, "base", a.base);
    read(in, "tuned", a.tuned);
    read(in, "probe", a.probe);
    read(in, "fitted_tokens", a.fittedTokens);
    read(in, "held_out_tokens", a.heldOutTokens);
    read(in, "hidden", a.hidden);
    read(in, "intermediate", a.intermediate);
    read(in, "seed", a.seed);
    a.layers.clear();
    for (const json& each : in.value("layers", json::array())) {
        LayerApproximation& layer = a.layers.emplace_back();
        read(each, "layer", layer.layer);
        read(each, "change", layer.change);
        for (const json& fit : each.value("fits", json::array()))
            layer.fits.push_back(fitOf(fit));
    }
}

namespace {

// Parts between commas, without spaces around; "" between two commas.
std::vector<std::string> partsOf(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        std::string part(text.substr(at, comma - at));
        part.erase(0, part.find_first_not_of(' '));
        part.erase(part.find_last_not_of(' ') + 1);
        parts.push_back(std::move(part));
        at = comma + 1;
    }
    return parts;
}

std::optional<std::int64_t> wholeNumber(std::string_view text) {
    std::int64_t value = 0;
    const char* last = text.data() + text.size();
    const auto read = std::from_chars(text.data(), last, value);
    if (text.empty() || read.ec != std::errc() || read.ptr != last || value < 0) return std::nullopt;
    return value;
}

// One part of a list of layers.
bool addLayers(const std::string& part, std::vector<std::int64_t>& layers) {
    constexpr std::int64_t kMost = 4096;
    const std::size_t dash = part.find('-');
    if (part == "first")
        layers.push_back(0);
    else if (part == "mid" || part == "middle")
        layers.push_back(kMiddleLayer);
    else if (part == "last")
        layers.push_back(kLastLayer);
    else if (part == "all")
        layers.push_back(kEveryLayer);
    else if (const auto one = wholeNumber(part))
        layers.push_back(*one);
    else if (const auto from = wholeNumber(part.substr(0, dash)),
             to = dash == std::string::npos ? std::nullopt : wholeNumber(part.substr(dash + 1));
             from && to && *from <= *to && *to < kMost)
        for (std::int64_t layer = *from; layer <= *to; ++layer)
            layers.push_back(layer);
    else
        return false;
    return true;
}

}  // namespace

Result<std::vector<std::int64_t>> parseApproximationLayers(std::string_view text) {
    std::vector<std::int64_t> layers;
    for (const std::string& part : partsOf(text))
        if (!addLayers(part, layers))
            return fail(
                ErrorCode::BadOption,
                {{"key", "layers"},
                 {"value", part.empty() ? "empty" : part},
                 {"range", "indices from 0, first, middle, last or all, as in 0,middle,last or 0-3"}});
    return layers;
}

Result<std::vector<std::int64_t>> parseAdapterWidths(std::string_view text) {
    std::vector<std::int64_t> widths;
    for (const std::string& part : partsOf(text)) {
        const auto width = wholeNumber(part);
        if (!width || *width > kMostAdapterWidth)
            return fail(ErrorCode::BadOption,
                        {{"key", "widths"},
                         {"value", part.empty() ? "empty" : part},
                         {"range", "whole numbers from 0 to " + std::to_string(kMostAdapterWidth) +
                                       ", as in 16,64,256"}});
        widths.push_back(*width);
    }
    return widths;
}

Result<std::vector<std::int64_t>> resolveLayers(const std::vector<std::int64_t>& asked, std::int64_t count) {
    std::set<std::int64_t> layers;
    for (const std::int64_t layer : asked) {
        if (layer == kEveryLayer)
            for (std::int64_t each = 0; each < count; ++each)
                layers.insert(each);
        else if (layer == kLastLayer)
            layers.insert(count - 1);
        else if (layer == kMiddleLayer)
            layers.insert(count / 2);
        else if (layer >= 0 && layer < count)
            layers.insert(layer);
        else
            return fail(ErrorCode::BadOption, {{"key", "layers"},
                                               {"value", std::to_string(layer)},
                                               {"range", "from 0 to " + std::to_string(count - 1)}});
    }
    if (layers.empty()) return resolveLayers({kEveryLayer}, count);
    return std::vector<std::int64_t>(layers.begin(), layers.end());
}

Result<Approximation> readApproximation(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(ErrorCode::FileMissing, {{"file", path}});
    try {
        return json::parse(in).get<Approximation>();
    } catch (const std::exception& exception) {
        return fail(ErrorCode::FileBad, {{"file", path}, {"place", "JSON"}, {"detail", exception.what()}});
    }
}

}  // namespace caravan::engine
