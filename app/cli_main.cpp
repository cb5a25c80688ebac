// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cstdio>
#include <map>

#include "app/cli/command.h"
#include "engine/api/error_text.h"

namespace {

using caravan::cli::Action;
using caravan::cli::Context;
using caravan::cli::Registration;
using caravan::engine::ErrorCode;

void addCommonOptions(CLI::App& app, Context& context) {
    const char* group = "Common options";
    app.add_option("--device", context.device,
                   "cpu, cuda or cuda:N; default: a working CUDA device, else the CPU")
        ->type_name("DEVICE")
        ->check([](const std::string& text) {
            const bool number = text.starts_with("cuda:") && text.size() > 5 &&
                                text.find_first_not_of("0123456789", 5) == std::string::npos;
            return text == "cpu" || text == "cuda" || number
                       ? std::string()
                       : "--device cannot be " + text + ": it must be cpu, cuda or cuda:N";
        })
        ->group(group);
    app.add_option("--threads", context.threads, "1 to 1024; default: physical cores")
        ->type_name("N")
        ->check(CLI::Range(1, 1024))
        ->group(group);
    app.add_option("--seed", context.seed, "Every random choice follows from it; a whole number; default 0")
        ->type_name("N")
        ->group(group);
    app.add_flag("--json", context.json, "One JSON object on stdout, or one per line")->group(group);
    app.add_flag("--quiet", context.quiet, "Nothing on stderr but errors")->group(group);
    app.add_flag("--verbose", context.verbose, "More on stderr")->group(group);
}

std::vector<std::string> optionNames(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
        for (const auto& name : option->get_lnames())
            names.push_back("--" + name);
    return names;
}

// The innermost command that was named.
CLI::App& chosen(CLI::App& app) {
    CLI::App* current = &app;
    while (!current->get_subcommands().empty())
        current = current->get_subcommands().front();
    return *current;
}

int refuseExtras(CLI::App& app, Context& context) {
    CLI::App& command = chosen(app);
    const auto extras = app.remaining(true);
    const std::string word = extras.empty() ? "" : extras.front();
    if (word.starts_with("-")) {
        const std::string name = word.substr(0, word.find('='));
        return context.fail(
            {ErrorCode::UnknownKey,
             {{"key", name}, {"nearest", caravan::cli::nearestOf(name, optionNames(command))}}});
    }
    std::vector<std::string> names;
    for (const CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; }))
        names.push_back(sub->get_name());
    if (names.empty())
        return context.failUsage("The argument " + word + " is one too many. " + command.get_name() +
                                 " --help tells what it takes.");
    const std::string nearest = caravan::cli::nearestOf(word, names);
    return context.failUsage("There is no command " + word + ". " +
                             (nearest.empty() ? "Look at --help." : "Did you mean " + nearest + "?"));
}

// A group may be a command itself ("chat MODEL"): what that one needs, its subcommands ("chat list") do not.
void freeForSubcommand(CLI::App& group, const std::string& word) {
    const auto named = group.get_subcommands([&](CLI::App* sub) { return sub->get_name() == word; });
    if (named.empty()) return;
    for (CLI::Option* option : group.get_options())
        option->required(false);
}

int parseAndRun(int argc, char** argv, Context& context) {
    CLI::App app("Caravan: dense language models into mixtures of experts", "caravan-cli");
    app.set_version_flag("--version", "caravan-cli " CARAVAN_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    std::map<CLI::App*, Action> actions;
    std::map<std::string, CLI::App*> groups;
    for (const auto& entry : Registration::entries()) {
        CLI::App* parent = &app;
        std::string name = entry.name;
        if (const auto blank = name.find(' '); blank != std::string::npos) {
            CLI::App*& group = groups[name.substr(0, blank)];
            if (!group) {
                group = app.add_subcommand(name.substr(0, blank),
                                           name.starts_with("runs") ? "Runs of a project" : "Projects");
                group->require_subcommand(1);
            }
            parent = group;
            name = name.substr(blank + 1);
        }
        CLI::App* command = parent->add_subcommand(name, entry.summary);
        if (parent == &app) groups[name] = command;
        actions[command] = entry.define(*command, context);
        addCommonOptions(*command, context);
    }
    if (argc > 2 && groups.contains(argv[1])) freeForSubcommand(*groups[argv[1]], argv[2]);
    // Known before parsing ends, so that a wrong command line is told as JSON too.
    for (int i = 1; i < argc; ++i)
        context.json = context.json || std::string_view(argv[i]) == "--json";
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        return 0;
    } catch (const CLI::CallForVersion&) {
        std::puts("caravan-cli " CARAVAN_VERSION);
        return 0;
    } catch (const CLI::ExtrasError&) {
        return refuseExtras(app, context);
    } catch (const CLI::RequiredError& error) {
        if (!app.remaining(true).empty()) return refuseExtras(app, context);
        return context.failUsage(std::string(error.what()) + ". " + chosen(app).get_name() +
                                 " --help tells more.");
    } catch (const CLI::ParseError& error) {
        return context.failUsage(error.what());
    }
    CLI::App& command = chosen(app);
    context.seedGiven = command.get_option("--seed")->count() > 0;
    return actions.at(&command)();
}

}  // namespace

int main(int argc, char** argv) {
    static Context context;  // never destroyed: the engine's libraries end with the process
    int code = 70;
    try {
        context.watchSignals();
        code = parseAndRun(argc, argv, context);
    } catch (const caravan::engine::EngineException& e) {
        code = context.fail(e.error());
    } catch (const std::bad_alloc&) {
        code =
            context.fail({ErrorCode::MemoryShort,
                          {{"needed", "more"}, {"available", "less"}, {"remedy", "Close other programs."}}});
    } catch (const std::exception& e) {
        code = context.fail({ErrorCode::Internal, {{"detail", e.what()}}});
    }
    context.clearProgress();
    std::fflush(nullptr);
    _exit(code);  // libtorch's destructors take long and gain nothing
}
