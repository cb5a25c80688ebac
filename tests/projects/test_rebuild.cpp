// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <random>

#include "projects/chat_archive.h"
#include "projects/rebuild.h"
#include "projects/run_catalogue.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

using engine::ErrorCode;
using engine::RunState;

engine::TokenEvent token(std::int32_t id) {
    engine::TokenEvent t;
    t.id = id;
    t.bytes = "\xE2\x82";  // half a character
    t.text = "a";
    t.logprob = -0.125 * id - 1.0 / 3;
    t.alternatives = {{7, "b", -2.5}};
    t.layers = {0, 1};
    t.experts = {{0, 3}, {2, 1}};
    t.weights = {{0.7f, 0.3f}, {0.9f, 0.1f}};
    return t;
}

// Two runs, one of them resumed, and a chat with branches, edits and a removed message.
void fill(const std::shared_ptr<Project>& project) {
    for (int r = 0; r < 2; ++r) {
        const auto name = take(project->reserveRun());
        writeText(project->runFolder(name) / "recipe.json",
                  "{\n  \"seed\": 3,\n \"tune\": {\"steps\": 30}\n}");
        const auto recorder = take(RunRecorder::claim(project, name, "cli", R"({"seed":3})", 30));
        FakeRun run(project->runFolder(name), recorder.get());
        run.state(RunState::Loading, RunState::Running);
        run.steps(1, 12);
        run.steps(9, 30);  // resumed: steps again
        auto notFinite = stepMetrics(31);
        notFinite.loss = std::nan("");
        notFinite.skipped = true;
        run.say(notFinite);
        run.state(RunState::Running, r == 0 ? RunState::Finished : RunState::Stopped);
    }
    setRunNotes(*project, "0001", "it's \"good\"");
    setRunTags(*project, "0001", {"a", "b c"});
    project->setData({{"/d/general.jsonl", "general", 1.5, false}, {"/d/x.jsonl", "x", 1, true}});
    project->setModels({{"/m/base", {{"kind", "dense"}}}});
    ChatArchive chats(project);
    const auto id = chats.create({.title = "First",
                                  .system = "Be brief.",
                                  .options = {{"temperature", 0.7}},
                                  .origin = {{"chat", "x"}, {"title", "Zeroth"}, {"message", 2}},
                                  .pinned = true});
    chats.putMessage(id, {.id = 1, .role = "user", .content = "Hello"});
    chats.putMessage(id, {.id = 2, .parent = 1, .role = "assistant", .content = "Hi"});
    chats.putTokens(id, 2, 0, {token(1), token(2)});
    chats.putTokens(id, 2, 2, {token(3)});
    chats.putMessage(id, {.id = 3, .parent = 1, .role = "assistant", .content = "Regenerated"});
    chats.putMessage(id, {.id = 4, .parent = 3, .role = "user", .content = "gone"});
    chats.putTokens(id, 4, 0, {token(9)});
    chats.removeMessage(id, 4);
    chats.putMessage(id, {.id = 1, .role = "user", .content = "Hello, edited 100%", .createdAt = 5});
    const auto other = chats.create({.title = "Second"});
    chats.remove(other);
    take(project->store().flush());
}

TEST(Rebuild, EqualsTheLiveDatabaseRowByRow) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    fill(project);
    const auto report = take(rebuild(project->folder()));
    EXPECT_TRUE(report.hadDatabase);
    EXPECT_EQ(report.differences, std::vector<std::string>{});
    EXPECT_TRUE(report.unreadable.empty());
    EXPECT_EQ(report.rows.at("runs"), 2);
    EXPECT_EQ(report.rows.at("steps"), 62);
    EXPECT_EQ(report.rows.at("chats"), 1);
    EXPECT_EQ(report.rows.at("messages"), 3);
    EXPECT_EQ(report.rows.at("tokens"), 3);
    // The open project goes on with the rebuilt rows.
    setRunTitle(*project, "0002", "still here");
    take(project->store().flush());
    EXPECT_EQ(take(take(RunCatalogue::open(project->folder()))->run("0002")).row.title, "still here");
}

TEST(Rebuild, SeesATamperedRow) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    fill(project);
    take(project->store().execute(
        [](Connection& db) { db.execute("UPDATE steps SET loss = 0 WHERE run = '0001' AND step = 5"); }));
    const auto report = take(rebuild(project->folder()));
    ASSERT_EQ(report.differences.size(), 2u);
    EXPECT_NE(report.differences[0].find("0001 5"), std::string::npos);
    EXPECT_TRUE(take(rebuild(project->folder())).differences.empty());  // mended
}

TEST(Rebuild, WithoutAnyDatabaseAndWithADamagedOne) {
    const Scratch scratch;
    const fs::path folder = scratch.path() / "p";
    {
        const auto project = take(Project::create(folder));
        fill(project);
        Connection(project->database(), Connection::Mode::ReadOnly).backupTo(scratch.path() / "kept.db");
    }
    for (const char* tail : {"", "-wal", "-shm"})
        fs::remove(folder / (std::string("project.db") + tail));
    auto report = take(rebuild(folder));
    EXPECT_FALSE(report.hadDatabase);
    EXPECT_EQ(take(compareDatabases(scratch.path() / "kept.db", folder / "project.db")),
              std::vector<std::string>{});

    std::string bytes = readText(folder / "project.db");
    for (std::size_t i = 5000; i < bytes.size(); i += 97)
        bytes[i] = static_cast<char>(bytes[i] ^ 0x5A);
    writeText(folder / "project.db", bytes);
    const auto refused = Project::open(folder);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::FileBad);
    report = take(rebuild(folder));
    EXPECT_FALSE(report.hadDatabase);
    EXPECT_EQ(take(compareDatabases(scratch.path() / "kept.db", folder / "project.db")),
              std::vector<std::string>{});
}

// Any bytes in place of any file: an error or a rebuilt database, never a crash; healthy runs stay.
TEST(Rebuild, SurvivesHostileFiles) {
    const Scratch scratch;
    const fs::path folder = scratch.path() / "p";
    {
        const auto project = take(Project::create(folder));
        fill(project);
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() && entry.path().string().find("0001") == std::string::npos)
            files.push_back(entry.path());
    std::mt19937 random(7);
    for (const fs::path& file : files) {
        const std::string before = readText(file);
        for (int kind = 0; kind < 6; ++kind) {
            std::string bytes = before;
            if (kind == 0) bytes.clear();
            if (kind == 1) bytes.resize(bytes.size() / 2);
            if (kind == 2)
                for (int i = 0; i < 20 && !bytes.empty(); ++i)
                    bytes[random() % bytes.size()] = static_cast<char>(random());
            if (kind == 3) bytes = std::string(100'000, '[');
            if (kind == 4)
                bytes = R"({"type":"message","id":"x","state":7,"caravan_project":1,"models":3,"data":[1]})"
                        "\n";
            if (kind == 5) bytes = std::string(3, '\0') + "\xFF\xFE\n{}\n";
            writeText(file, bytes);
            const auto report = rebuild(folder);
            if (report) {
                EXPECT_GE(report->rows.at("steps"), 31) << file << " kind " << kind;
            }
        }
        writeText(file, before);
    }
    EXPECT_EQ(take(rebuild(folder)).rows.at("steps"), 62);
}

TEST(Chats, AreReadBackWithTheirTokensAndFound) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    fill(project);
    ChatArchive chats(project);
    const auto all = take(chats.chats());
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].system, "Be brief.");
    EXPECT_EQ(all[0].origin["title"], "Zeroth");
    EXPECT_TRUE(all[0].pinned);
    const auto messages = take(chats.messages(all[0].id));
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[0].content, "Hello, edited 100%");
    EXPECT_EQ(messages[2].parent, 1);
    const auto tokens = take(chats.tokens(all[0].id, 2));
    ASSERT_EQ(tokens.size(), 3u);
    EXPECT_EQ(tokens[2].bytes, "\xE2\x82");
    EXPECT_EQ(tokens[2].experts, token(3).experts);
    EXPECT_EQ(tokens[2].logprob, token(3).logprob);
    EXPECT_EQ(take(chats.search("100%")).size(), 1u);
    EXPECT_EQ(take(chats.search("regenerated")).size(), 1u);
    EXPECT_TRUE(take(chats.search("1_0%")).empty());
    EXPECT_TRUE(take(chats.search("gone")).empty());
}

TEST(Chats, PinnedOnesComeFirstAndStaySoAfterARebuild) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    ChatArchive chats(project);
    Chat old{.id = "a", .title = "Old", .createdAt = 1, .changedAt = 1};
    chats.create(old);
    chats.create({.id = "b", .title = "New", .createdAt = 2, .changedAt = 2});
    take(chats.flush());
    EXPECT_EQ(take(chats.chats())[0].id, "b");
    old.pinned = true;
    chats.update(old);
    take(chats.flush());
    // A line of before conversations could be pinned.
    std::ofstream(project->chatsFolder() / "c.jsonl")
        << R"({"type":"chat","title":"Older","system":"","draft":"","source":null,"options":null,)"
        << R"("created_at":3,"changed_at":3})" << '\n';
    EXPECT_EQ(take(rebuild(project->folder())).rows.at("chats"), 3);
    const auto all = take(chats.chats());
    EXPECT_EQ(all[0].id, "a");
    EXPECT_EQ(all[1].id, "c");
    EXPECT_FALSE(all[1].pinned);
    EXPECT_TRUE(all[1].origin.is_null());
}

TEST(Chats, ATornLineLosesOnlyItself) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    ChatArchive chats(project);
    const auto id = chats.create({.title = "T"});
    chats.putMessage(id, {.id = 1, .role = "user", .content = "one"});
    take(chats.flush());
    std::ofstream(project->chatsFolder() / (id + ".jsonl"), std::ios::app)
        << R"({"type":"message","id":2,"role":"us)";
    chats.putMessage(id, {.id = 3, .role = "user", .content = "three"});
    take(chats.flush());
    const auto report = take(rebuild(project->folder()));
    EXPECT_EQ(report.differences, std::vector<std::string>{});
    EXPECT_EQ(report.rows.at("messages"), 2);
}

TEST(Project, ListsOfModelsAndDataAreKept) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    fill(project);
    const auto catalogue = take(RunCatalogue::open(project->folder()));
    const auto data = take(catalogue->data());
    ASSERT_EQ(data.size(), 2u);
    EXPECT_EQ(data[0].weight, 1.5);
    EXPECT_TRUE(data[1].heldout);
    EXPECT_EQ(take(catalogue->models()).at(0).second.at("kind"), "dense");
}

}  // namespace
}  // namespace caravan::projects::testing
