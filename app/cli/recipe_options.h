// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "app/cli/command.h"
#include "engine/api/config/descriptors.h"

namespace caravan::cli {

// --recipe, --set and one option per setting, made from the descriptors: upcycle.top_k is --top-k. Later
// wins: defaults, recipe file, options, --set.
class RecipeOptions {
  public:
    enum class Scope { Upcycle, All };  // Upcycle: model, upcycle and quantisation only
    void define(CLI::App& app, Scope scope);
    // Paths absolute. Problems of the settings with each other are the engine's to find.
    [[nodiscard]] engine::Result<engine::Recipe> build(const Context& context) const;
    [[nodiscard]] engine::Result<engine::RunLimits> limits() const;

    void useRecipe(std::string file) { m_recipe = std::move(file); }  // a positional that a command defines

    // Where the recipe file lies ("" without one): a run's folder brings its changes.jsonl, which are
    // replayed.
    [[nodiscard]] std::string recipeFolder() const;

    std::string model;  // --model, or a positional that a command defines itself

  private:
    [[nodiscard]] engine::Result<void> applyData(engine::Recipe& recipe) const;
    std::string m_recipe;
    std::vector<std::string> m_sets, m_data, m_heldout;
    std::map<std::string, std::vector<std::string>> m_values;  // by key
    std::string m_stopAfter;
};

// FILE[,name=N][,weight=W]; the path becomes absolute.
[[nodiscard]] engine::Result<engine::DataFile> parseDataFile(const std::string& text);
[[nodiscard]] engine::Result<std::vector<engine::DomainFile>> parseDomainFiles(
    const std::vector<std::string>& texts);
// A model folder, a run, or RUN@STEP, made absolute; a missing one is an error.
[[nodiscard]] engine::Result<std::string> resolveModel(const std::string& text);

}  // namespace caravan::cli
