// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

// inspect, plan, tokenize, template: the commands that compute nothing, as a shell sees them.
namespace caravan::cli::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Answer {
    int code = -1;
    std::string out;
    [[nodiscard]] json first() const { return json::parse(out.substr(0, out.find('\n'))); }
};

class LightCommands : public ::testing::Test {
  protected:
    LightCommands() {
        std::string pattern = (fs::temp_directory_path() / "caravan-light-XXXXXX").string();
        folder = mkdtemp(pattern.data());
    }
    ~LightCommands() override { fs::remove_all(folder); }
    static Answer run(const std::string& words) {
        Answer answer;
        FILE* pipe = popen((CARAVAN_BINARY_DIR "/app/caravan-cli " + words + " 2>/dev/null").c_str(), "r");
        char buffer[4096];
        for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
            answer.out.append(buffer, n);
        const int status = pclose(pipe);
        answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        return answer;
    }
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(folder / name, std::ios::binary) << text;
        return (folder / name).string();
    }
    fs::path folder;
    const std::string model = CARAVAN_SOURCE_DIR "/resources/demo/base-16m";
    const std::string data = CARAVAN_TEST_DATA;
};

TEST_F(LightCommands, inspectGivesTheKeysOfTheHandbook) {
    const Answer dense = run("inspect " + model + " --json");
    ASSERT_EQ(dense.code, 0);
    for (const char* key : {"architecture", "parameters", "layers", "hidden", "can_upcycle", "reasons",
                            "tokenizer", "quantization"})
        EXPECT_TRUE(dense.first().contains(key)) << key;
    EXPECT_EQ(dense.first()["parameters"], 15735168);
    EXPECT_EQ(dense.first()["can_upcycle"], true);
    EXPECT_EQ(run("inspect " + data + "/hf/camelidae_8e_top2 --json").first()["can_upcycle"], false);
    EXPECT_EQ(run("inspect " + data + "/hf/lora_dense/adapter --json").first()["kind"], "lora");
    EXPECT_NE(run("inspect " + model).out.find("15,735,168"), std::string::npos);
}

TEST_F(LightCommands, brokenInputExitsWithThree) {
    EXPECT_EQ(run("inspect " + folder.string()).code, 3);
    const Answer missing = run("inspect " + folder.string() + "/none --json");
    EXPECT_EQ(missing.code, 3);
    EXPECT_EQ(missing.first()["type"], "error");
    EXPECT_EQ(missing.first()["code"], "file_missing");
    (void)write("config.json", "{\"model_type\":\"gemma\"}");
    const Answer unusable = run("inspect " + folder.string() + " --json");
    EXPECT_EQ(unusable.code, 0);
    EXPECT_EQ(unusable.first()["kind"], "unusable");
    EXPECT_EQ(run("plan --model " + folder.string()).code, 3);
}

TEST_F(LightCommands, wrongUsageExitsWithTwo) {
    for (const char* words :
         {"inspect", "inspect a b", "tokenize " CARAVAN_SOURCE_DIR "/resources/demo/base-16m", "plan",
          "plan --model " CARAVAN_SOURCE_DIR "/resources/demo/base-16m --experts 200",
          "plan --model " CARAVAN_SOURCE_DIR "/resources/demo/base-16m --top-k 9",
          "plan --model " CARAVAN_SOURCE_DIR "/resources/demo/base-16m --set tune.lora_rnk=1"})
        EXPECT_EQ(run(words).code, 2) << words;
}

TEST_F(LightCommands, planCountsStepsFromTheRows) {
    const Answer plan = run("plan " CARAVAN_SOURCE_DIR
                            "/resources/presets/reference.json --device cpu --json --data " CARAVAN_SOURCE_DIR
                            "/resources/demo/data/math.train.jsonl");
    ASSERT_EQ(plan.code, 0);
    const json p = plan.first();
    EXPECT_EQ(p["parameters_total"], 18905472);
    EXPECT_EQ(p["parameters_trainable"], 6643712);
    EXPECT_EQ(p["steps"], 19);  // 600 rows in batches of 32
    EXPECT_GT(p["memory"]["optimizer"], 0);
    EXPECT_GT(p["disk_bytes"], 0);
}

TEST_F(LightCommands, tokenizeThereAndBack) {
    const Answer ids = run("tokenize " + model + " --text 'Hello world' --json");
    ASSERT_EQ(ids.code, 0);
    const auto list = ids.first()["ids"].get<std::vector<int>>();
    ASSERT_FALSE(list.empty());
    std::string text;
    for (const int id : list)
        text += std::to_string(id) + " ";
    EXPECT_EQ(run("tokenize " + model + " --decode --text '" + text + "'").out, "Hello world\n");
    const auto bos = run("tokenize " + model + " --add-bos --text 'Hello world' --json")
                         .first()["ids"]
                         .get<std::vector<int>>();
    EXPECT_EQ(bos.size(), list.size() + 1);
    EXPECT_EQ(bos[0], 1);
    const std::string lines = write("x.txt", "Hello world\n\nsecond\n");
    std::istringstream out(run("tokenize " + model + " --file " + lines + " --json").out);
    int count = 0;
    for (std::string line; std::getline(out, line); ++count)
        EXPECT_TRUE(count != 0 || json::parse(line)["ids"] == list);
    EXPECT_EQ(count, 3);
    const std::string rows = write("x.jsonl", json{{"ids", list}}.dump() + "\n");
    EXPECT_EQ(run("tokenize " + model + " --decode --file " + rows + " --json").first()["text"],
              "Hello world");
    EXPECT_EQ(run("tokenize " + model + " --file " + write("bad.jsonl", "{\"text\":1}\n")).code, 3);
}

TEST_F(LightCommands, templateRendersExactly) {
    const std::string messages = write("m.json", R"([{"role":"user","content":"Hi"}])");
    const std::string source = write("t.jinja",
                                     "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% "
                                     "endfor %}{% if add_generation_prompt %} >{% endif %}");
    EXPECT_EQ(run("template " + source + " --messages " + messages + " --bos '<s>'").out, "<s>[user] Hi");
    EXPECT_EQ(
        run("template " + source + " --messages " + messages + " --bos '<s>' --add-generation-prompt --json")
            .first()["text"],
        "<s>[user] Hi >");
    EXPECT_EQ(run("template " + model + " --messages " + messages + " --add-generation-prompt").out,
              "<s>### Human:\nHi\n### Assistant:\n");
    const Answer raised = run("template " + write("e.jinja", "{{ raise_exception('no system here') }}") +
                              " --messages " + messages + " --json");
    EXPECT_EQ(raised.code, 3);
    EXPECT_NE(raised.first()["why"].get<std::string>().find("no system here"), std::string::npos);
}

// The dynamic linker tells which libraries the command opened.
TEST_F(LightCommands, noneLoadsTheEngine) {
    const fs::path logs = folder / "linker";
    fs::create_directories(logs);
    ::setenv("LD_DEBUG", "files", 1);
    ::setenv("LD_DEBUG_OUTPUT", (logs / "log").c_str(), 1);
    const int code = run("tokenize " + model + " --text x").code;
    ::unsetenv("LD_DEBUG");
    ::unsetenv("LD_DEBUG_OUTPUT");
    EXPECT_EQ(code, 0);
    std::string opened;
    for (const auto& entry : fs::directory_iterator(logs)) {
        std::ifstream file(entry.path());
        opened.append(std::istreambuf_iterator<char>(file), {});
    }
    EXPECT_NE(opened.find("libfmt"), std::string::npos);
    EXPECT_EQ(opened.find("libcaravan_engine"), std::string::npos);
    EXPECT_EQ(opened.find("libtorch"), std::string::npos);
}

}  // namespace
}  // namespace caravan::cli::testing
