// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// chat list, chat export, chat votes: the conversations that a project keeps.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "app/cli/command.h"
#include "projects/chat_export.h"
#include "projects/files.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using projects::Chat;
using projects::ChatArchive;
using projects::ChatFormat;
using projects::Project;

namespace {

struct Options {
    std::string project, search, chat, out;
    ChatFormat format = ChatFormat::Markdown;
};

nlohmann::json chatObject(const Chat& chat, std::size_t messages) {
    nlohmann::json answers;
    if (chat.source.is_object()) answers = chat.source.value("words", std::string());
    return {{"chat", chat.id},
            {"title", chat.title},
            {"pinned", chat.pinned},
            {"messages", messages},
            {"answers", std::move(answers)},
            {"origin", chat.origin},
            {"created_at_ms", chat.createdAt},
            {"changed_at_ms", chat.changedAt}};
}

std::string dayText(std::int64_t milliseconds) {
    const std::time_t seconds = milliseconds / 1000;
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:%Y-%m-%d %H:%M}", local);
}

int list(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    ChatArchive archive(*project);
    const auto chats = archive.chats();
    if (!chats) return context.fail(chats.error());
    const auto holding = archive.search(options.search);
    if (!holding) return context.fail(holding.error());
    nlohmann::json all = nlohmann::json::array();
    std::string table =
        fmt::format("{:<38} {:<16} {:>8} {:<6} {}\n", "chat", "changed", "messages", "pinned", "title");
    for (const Chat& chat : *chats) {
        if (std::find(holding->begin(), holding->end(), chat.id) == holding->end()) continue;
        const auto messages = archive.messages(chat.id);
        if (!messages) return context.fail(messages.error());
        all.push_back(chatObject(chat, messages->size()));
        table += fmt::format("{:<38} {:<16} {:>8} {:<6} {}\n", chat.id, dayText(chat.changedAt),
                             messages->size(), chat.pinned ? "yes" : "", chat.title);
    }
    if (all.empty())
        table = options.search.empty() ? "No conversation yet.\n" : "No conversation holds this text.\n";
    context.print(table);
    context.emit({{"chats", std::move(all)}});
    return 0;
}

int writeFile(Context& context, const Options& options, const std::string& chat, const std::string& text) {
    const fs::path file = fs::absolute(options.out);
    const auto written = projects::attempt([&] { projects::writeAtomically(file, text); });
    if (!written) return context.fail(written.error());
    context.emit({{"chat", chat}, {"file", file.string()}, {"bytes", text.size()}});
    context.print(fmt::format("{} ({})\n", file.string(), bytesText(static_cast<std::int64_t>(text.size()))));
    return 0;
}

int exportChat(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    ChatArchive archive(*project);
    const auto chat = projects::findChat(archive, options.chat);
    if (!chat) return context.fail(chat.error());
    const auto kept = projects::keptChat(archive, *chat);
    if (!kept) return context.fail(kept.error());
    const std::string text = projects::exportedText(*kept, options.format);
    if (!options.out.empty()) return writeFile(context, options, chat->id, text);
    if (options.format == ChatFormat::Json)
        context.emit(nlohmann::json::parse(text));
    else
        context.emit({{"chat", chat->id}, {"title", chat->title}, {"text", text}});
    context.print(text.ends_with('\n') ? text : text + '\n');
    return 0;
}

int votes(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto votes = ChatArchive(*project).allVotes();
    if (!votes) return context.fail(votes.error());
    nlohmann::json pairs = nlohmann::json::array();
    std::string table;
    for (const projects::PairTally& tally : projects::tallied(*votes)) {
        pairs.push_back(projects::toJson(tally));
        table += fmt::format("{} : {}\n  better {} : {}, tie {}, both bad {}\n", tally.first, tally.second,
                             tally.firstBetter, tally.secondBetter, tally.ties, tally.bothBad);
    }
    context.print(table.empty() ? "No vote yet.\n" : table);
    context.emit({{"votes", votes->size()}, {"pairs", std::move(pairs)}});
    return 0;
}

void defineProject(CLI::App& app, Options& options) {
    app.add_option("--project", options.project, "Project folder")->type_name("DIR")->required();
}

const Registration kList{
    "chat list", "The conversations of a project, pinned ones first", 41,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        defineProject(app, *options);
        app.add_option("--search", options->search, "Only those that hold this text")->type_name("TEXT");
        return [options, &context] { return list(context, *options); };
    }};

const Registration kVotes{"chat votes", "How models fared against each other in blind votes", 43,
                          [](CLI::App& app, Context& context) -> Action {
                              auto options = std::make_shared<Options>();
                              defineProject(app, *options);
                              return [options, &context] { return votes(context, *options); };
                          }};

const Registration kExport{
    "chat export", "A conversation as Markdown or JSON, as the window exports it", 42,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("CHAT", options->chat, "Its id in chat list, or how that begins")
            ->type_name("CHAT")
            ->required();
        defineProject(app, *options);
        app.add_option_function<std::string>(
               "--format",
               [options](const std::string& word) {
                   options->format = word == "json" ? ChatFormat::Json : ChatFormat::Markdown;
               },
               "markdown: the path that was shown last; json: all branches, and tokens with their routing; "
               "default markdown")
            ->type_name("FORMAT")
            ->check(CLI::IsMember({"markdown", "json"}));
        app.add_option("--out", options->out, "The file to write; default: on stdout")->type_name("FILE");
        return [options, &context] { return exportChat(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
