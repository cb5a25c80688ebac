// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/target.h"

#include <unistd.h>

#include <fstream>

namespace caravan::fuzz {
namespace fs = std::filesystem;
namespace {

// In memory where there is such a place: a file per input.
class Folder {
  public:
    Folder() {
        const fs::path memory = "/dev/shm";
        std::string pattern =
            ((fs::is_directory(memory) ? memory : fs::temp_directory_path()) / "caravan-fuzz-XXXXXX")
                .string();
        m_path = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    fs::path m_path;
};

}  // namespace

std::vector<Target>& targets() {
    static std::vector<Target> all;
    return all;
}

fs::path asFile(std::string_view name, std::string_view bytes) {
    static const Folder folder;
    const fs::path path = folder.m_path / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
}

std::string testData(const std::string& name) {
    std::ifstream in(fs::path(CARAVAN_TEST_DATA) / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace caravan::fuzz
