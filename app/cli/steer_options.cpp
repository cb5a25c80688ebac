// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/steer_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace caravan::cli {
namespace {

using Use = engine::SteerExpert::Use;

template <class T>
bool parsed(std::string_view text, T& value) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

[[noreturn]] void notAn(const char* form, const std::string& word) {
    throw CLI::ValidationError("\"" + word + "\" is not " + form);
}

}  // namespace

engine::SteerExpert parseExpert(const std::string& word) {
    engine::SteerExpert steer;
    const auto at = word.find('@');
    const std::string_view text = word;
    const bool good =
        parsed(text.substr(0, at), steer.expert) && steer.expert >= 0 &&
        (at == std::string::npos || (parsed(text.substr(at + 1), steer.layer) && steer.layer >= 0));
    if (!good) notAn("EXPERT or EXPERT@LAYER, such as 3 or 3@12", word);
    return steer;
}

engine::SteerExpert parseBias(const std::string& word) {
    constexpr const char* kForm = "EXPERT=VALUE or EXPERT@LAYER=VALUE, such as 3@12=0.5";
    const auto equals = word.find('=');
    if (equals == std::string::npos) notAn(kForm, word);
    engine::SteerExpert steer = parseExpert(word.substr(0, equals));
    if (!parsed(std::string_view(word).substr(equals + 1), steer.bias) || !std::isfinite(steer.bias))
        notAn(kForm, word);
    return steer;
}

void SteerOptions::define(CLI::App& app) {
    const auto repeated = [&](const char* name, const char* help, const char* type, auto parse, Use use) {
        app.add_option_function<std::vector<std::string>>(
               name,
               [this, parse, use](const std::vector<std::string>& list) {
                   for (const std::string& word : list) {
                       engine::SteerExpert steer = parse(word);
                       steer.use = use;
                       change.steer.push_back(steer);
                   }
               },
               help)
            ->type_name(type)
            ->take_all()
            ->expected(1);
    };
    repeated("--mute", "Never choose this expert, in one layer or in all; may be repeated", "EXPERT[@LAYER]",
             parseExpert, Use::Mute);
    repeated("--force", "Always choose this expert; may be repeated", "EXPERT[@LAYER]", parseExpert,
             Use::Force);
    repeated("--bias", "Add to this expert's router logit; may be repeated", "EXPERT[@LAYER]=X", parseBias,
             Use::Normal);
    app.add_option_function<std::int64_t>(
           "--k", [this](std::int64_t k) { change.activeExperts = k; },
           "Experts at work for each token; 1 to the model's experts; default: as the model has it")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{128}));
}

std::string SteerOptions::words() const {
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    for (const engine::SteerExpert& s : change.steer) {
        const std::string place = s.layer < 0 ? " in all layers" : fmt::format(" in layer {}", s.layer);
        if (s.use == Use::Mute) add(fmt::format("expert {} muted{}", s.expert, place));
        if (s.use == Use::Force) add(fmt::format("expert {} forced{}", s.expert, place));
        if (s.bias != 0) add(fmt::format("expert {} {:+g}{}", s.expert, s.bias, place));
    }
    if (change.activeExperts) add(fmt::format("{} active", *change.activeExperts));
    return text;
}

}  // namespace caravan::cli
