// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Reads every include of the tree and fails on an arrow that ARCHITECTURE.md forbids, a missing SPDX line, a
// stray top-level folder.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = CARAVAN_SOURCE_DIR;

enum class Layer { Kernels, Api, Base, Engine, Cuda, Projects, Widgets, Ui, App, Tests, Other };

// Folder of a file or of an include path -> layer. Longest prefix wins: the list is ordered.
Layer layerOf(const std::string& path) {
    static const std::vector<std::pair<std::string, Layer>> prefixes = {{"kernels/", Layer::Kernels},
                                                                        {"engine/api/", Layer::Api},
                                                                        {"engine/formats/", Layer::Base},
                                                                        {"engine/tokenizer/", Layer::Base},
                                                                        {"engine/data/", Layer::Base},
                                                                        {"engine/plan/", Layer::Base},
                                                                        {"engine/cuda/", Layer::Cuda},
                                                                        {"engine/", Layer::Engine},
                                                                        {"projects/", Layer::Projects},
                                                                        {"widgets/", Layer::Widgets},
                                                                        {"ui/", Layer::Ui},
                                                                        {"app/", Layer::App},
                                                                        {"tests/", Layer::Tests}};
    for (const auto& [prefix, layer] : prefixes)
        if (path.rfind(prefix, 0) == 0) return layer;
    return Layer::Other;
}

const char* nameOf(Layer layer) {
    static const char* names[] = {"kernels", "engine/api", "engine base", "engine", "engine/cuda", "projects",
                                  "widgets", "ui",         "app",         "tests",  "other"};
    return names[static_cast<int>(layer)];
}

const std::set<Layer>& allowed(Layer from) {
    static const std::map<Layer, std::set<Layer>> table = {
        {Layer::Kernels, {Layer::Kernels}},
        {Layer::Api, {Layer::Api}},
        {Layer::Base, {Layer::Base, Layer::Api, Layer::Kernels}},
        {Layer::Engine, {Layer::Engine, Layer::Base, Layer::Api, Layer::Kernels, Layer::Cuda}},
        {Layer::Cuda, {Layer::Cuda, Layer::Kernels}},
        {Layer::Projects, {Layer::Projects, Layer::Api}},
        {Layer::Widgets, {Layer::Widgets}},
        {Layer::Ui, {Layer::Ui, Layer::Widgets, Layer::Projects, Layer::Api}}};
    static const std::set<Layer> everything = {Layer::Kernels, Layer::Api,      Layer::Base,    Layer::Engine,
                                               Layer::Cuda,    Layer::Projects, Layer::Widgets, Layer::Ui,
                                               Layer::App,     Layer::Tests};
    const auto found = table.find(from);
    return found == table.end() ? everything : found->second;
}

enum class World { Torch, CudaRuntime, Qt, None };
World worldOf(const std::string& header) {
    for (const char* prefix : {"ATen/", "torch/", "c10/"})
        if (header.rfind(prefix, 0) == 0) return World::Torch;
    if (header.rfind("cuda", 0) == 0 || header.rfind("cublas", 0) == 0) return World::CudaRuntime;
    if (header.rfind("Q", 0) == 0 || header.rfind("Qt", 0) == 0 || header == "qcustomplot.h")
        return World::Qt;
    return World::None;
}

bool worldAllowed(Layer layer, World world) {
    switch (world) {
        case World::Torch:
            return layer == Layer::Engine || layer == Layer::Cuda || layer == Layer::Tests;
        case World::CudaRuntime:
            return layer == Layer::Kernels || layer == Layer::Cuda || layer == Layer::Tests;
        case World::Qt:
            return layer == Layer::Widgets || layer == Layer::Ui || layer == Layer::App ||
                   layer == Layer::Tests;
        case World::None:
            return true;
    }
    return true;
}

std::vector<fs::path> sources() {
    std::vector<fs::path> found;
    for (const char* folder : {"app", "ui", "engine", "kernels", "widgets", "projects", "tests"}) {
        if (!fs::exists(kRoot / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
            static const std::set<std::string> kinds = {".h", ".cpp", ".cu", ".cuh", ".cc"};
            if (entry.is_regular_file() && kinds.count(entry.path().extension().string()))
                found.push_back(entry.path());
        }
    }
    return found;
}

struct Include {
    std::string header;
    bool quoted = false;
};
std::vector<Include> includesOf(const std::string& text) {
    static const std::regex pattern(R"re(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])re",
                                    std::regex::multiline);
    std::vector<Include> found;
    for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i)
        found.push_back({(*i)[2].str(), (*i)[1].str() == "\""});
    return found;
}

std::string readFile(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Every forbidden include of one file, as sentences.
std::vector<std::string> violations(const std::string& file, const std::string& text) {
    const Layer from = layerOf(file);
    std::vector<std::string> found;
    for (const Include& include : includesOf(text)) {
        const Layer to = layerOf(include.header);
        if (to != Layer::Other && !allowed(from).count(to))
            found.push_back(file + " (" + nameOf(from) + ") includes " + include.header + " (" + nameOf(to) +
                            ")");
        if (!worldAllowed(from, worldOf(include.header)))
            found.push_back(file + " (" + nameOf(from) + ") must not include " + include.header);
        if (from == Layer::App && worldOf(include.header) == World::Qt && file.rfind("app/gui_", 0) != 0)
            found.push_back(file + " must not include Qt: " + include.header);
        if (include.quoted && to == Layer::Other && from != Layer::Tests &&
            include.header.find(".moc") == std::string::npos && include.header.find('/') == std::string::npos)
            found.push_back(file + ": include \"" + include.header + "\" is not folder-qualified");
    }
    return found;
}

TEST(Architecture, EveryIncludeFollowsTheLayers) {
    std::size_t files = 0;
    for (const fs::path& path : sources()) {
        ++files;
        for (const std::string& problem : violations(fs::relative(path, kRoot).string(), readFile(path)))
            ADD_FAILURE() << problem;
    }
    EXPECT_GT(files, 50u);
}

TEST(Architecture, AForbiddenArrowIsSeen) {
    EXPECT_EQ(violations("engine/model/x.cpp", "#include <QString>\n").size(), 1u);
    EXPECT_EQ(violations("ui/pages/x.cpp", "#include \"engine/model/model.h\"\n").size(), 1u);
    EXPECT_EQ(violations("ui/x.cpp", "  #  include <ATen/ATen.h>\n").size(), 1u);
    EXPECT_EQ(violations("engine/formats/x.cpp", "#include \"engine/ops/ops.h\"\n").size(), 1u);
    EXPECT_EQ(violations("widgets/x.cpp", "#include \"ui/theme/theme.h\"\n").size(), 1u);
    EXPECT_EQ(violations("app/cli/x.cpp", "#include <QObject>\n").size(), 1u);
    EXPECT_TRUE(violations("ui/x.cpp", "#include \"engine/api/result.h\"\n").empty());
}

TEST(Architecture, EveryFileNamesItsLicence) {
    for (const fs::path& path : sources()) {
        const std::string head = readFile(path).substr(0, 400);
        EXPECT_NE(head.find("SPDX-License-Identifier: GPL-3.0-or-later"), std::string::npos) << path;
        EXPECT_NE(head.find("SPDX-FileCopyrightText:"), std::string::npos) << path;
    }
}

TEST(Architecture, NoStrayTopLevelEntry) {
    const std::set<std::string> folders = {"app",       "ui",       "engine", "kernels",   "widgets",
                                           "resources", "projects", "tests",  "packaging", "build"};
    const std::set<std::string> files = {"CMakeLists.txt", "CMakePresets.json", "caravan",
                                         "LICENSE",        "README.md",         "ARCHITECTURE.md",
                                         "CHANGELOG.md",   "CONTRIBUTING.md",   "compile_commands.json"};
    for (const auto& entry : fs::directory_iterator(kRoot)) {
        const std::string name = entry.path().filename().string();
        if (name.front() == '.') continue;
        EXPECT_TRUE(entry.is_directory() ? folders.count(name) : files.count(name))
            << name << " is outside the agreed layout";
    }
}

}  // namespace
