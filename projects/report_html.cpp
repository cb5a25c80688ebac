// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The report's words and tables.
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <map>

#include "engine/api/alarm_text.h"
#include "engine/api/error_text.h"
#include "engine/api/event_json.h"
#include "projects/run_report.h"

namespace caravan::projects {
namespace {

constexpr const char* kStyle = R"css(
body { font-family: sans-serif; font-size: 13px; color: #1F1E1B; background: #FDFCFA; }
h1 { font-size: 20px; } h2 { font-size: 15px; }
table { border-collapse: collapse; }
th { text-align: left; color: #5A5751; font-weight: normal; padding: 3px 18px 3px 0; }
td { padding: 3px 18px 3px 0; }
p.note { color: #5A5751; }
)css";

std::string dayText(std::int64_t milliseconds) {
    if (milliseconds <= 0) return "–";
    const std::time_t seconds = milliseconds / 1000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    return text;
}

std::string timeText(double seconds) {
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
    if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} s", whole);
}

std::string counted(std::int64_t value) {
    std::string text = std::to_string(value);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

std::string row(const std::string& head, const std::string& value) {
    return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", htmlText(head), htmlText(value));
}

std::string facts(const RunReport& report) {
    const RunRow& r = report.run.row;
    std::string out = "<table>\n" + row("State", engine::stateWord(r.state));
    out += row("Steps", r.steps > 0 ? counted(r.step) + " of " + counted(r.steps) : counted(r.step));
    if (report.seconds > 0) out += row("Tuning time", timeText(report.seconds));
    if (report.tokens > 0) out += row("Tokens", counted(report.tokens));
    if (report.last) {
        out += row("Loss of the last step", fmt::format("{:.4f} nats per answer token", report.last->loss));
        out += row("Tokens per second, last step", fmt::format("{:.0f}", report.last->tokensPerSecond));
        out += row("Memory, last step",
                   fmt::format("{:.2f} GiB", static_cast<double>(report.last->memoryBytes) / (1 << 30)));
    }
    if (report.run.bestHeldoutMean)
        out += row("Best held-out loss", fmt::format("{:.4f} at step {}", *report.run.bestHeldoutMean,
                                                     counted(report.run.bestStep)));
    if (!report.checkpoints.empty())
        out += row("Newest checkpoint", "step " + counted(report.checkpoints.back().step));
    out += row("Created", dayText(r.createdAt));
    std::string tags;
    for (const std::string& tag : r.tags)
        tags += (tags.empty() ? "" : ", ") + tag;
    if (!tags.empty()) out += row("Tags", tags);
    if (!r.reason.empty()) {
        const auto reason = nlohmann::json::parse(r.reason, nullptr, false);
        if (reason.is_object())
            out += row("Ended because", engine::describe(engine::errorFromJson(reason)).what);
    }
    return out + "</table>\n";
}

std::string evaluationTable(const RunReport& report) {
    if (report.evaluations.empty()) return "<p class=\"note\">The run has no held-out data.</p>\n";
    std::string out = "<table>\n<tr><th>Step</th>";
    for (const auto& [domain, loss] : report.evaluations.front().heldoutLoss)
        out += "<th>" + htmlText(domain) + "</th>";
    out += "<th>Mean over domains</th></tr>\n";
    for (const engine::Evaluation& e : report.evaluations) {
        const bool best = report.run.bestHeldoutMean && e.step == report.run.bestStep;
        const char* open = best ? "<b>" : "";
        const char* close = best ? "</b>" : "";
        out += fmt::format("<tr><td>{}{}{}</td>", open, counted(e.step), close);
        for (const auto& [domain, loss] : e.heldoutLoss)
            out += fmt::format("<td>{}{:.4f}{}</td>", open, loss, close);
        out += fmt::format("<td>{}{:.4f}{}</td></tr>\n", open, e.mean, best ? " (best)</b>" : "");
    }
    return out + "</table>\n<p class=\"note\">Loss in nats per answer token; lower is better.</p>\n";
}

std::string samplesTable(const RunReport& report) {
    std::map<std::string, std::vector<const engine::Sample*>> byPrompt;
    std::vector<std::string> prompts;
    for (const engine::Sample& sample : report.samples) {
        auto& list = byPrompt[sample.prompt];
        if (list.empty()) prompts.push_back(sample.prompt);
        list.push_back(&sample);
    }
    std::string out;
    for (const std::string& prompt : prompts) {
        out += "<p><b>" + htmlText(prompt) + "</b></p>\n<table>\n";
        for (const engine::Sample* sample : byPrompt[prompt])
            out += fmt::format("<tr><th valign=\"top\">{}</th><td>{}</td></tr>\n", counted(sample->step),
                               htmlText(sample->text));
        out += "</table>\n";
    }
    return out;
}

std::string events(const RunReport& report) {
    std::string out;
    for (const engine::Alarm& alarm : report.alarms) {
        const engine::AlarmText text = engine::describe(alarm, {.step = alarm.step});
        out += row("step " + counted(alarm.step), text.title + " " + text.text);
    }
    for (const SettingChange& change : report.changes)
        out += row("step " + counted(change.step), change.key + " from " + change.from + " to " + change.to);
    return out.empty() ? out : "<table>\n" + out + "</table>\n";
}

std::string section(const char* title, const std::string& content) {
    return content.empty() ? content : fmt::format("<h2>{}</h2>\n{}", title, content);
}

std::string drawn(const std::string& figure) {
    return figure.empty() ? figure : "<p>" + figure + "</p>\n";
}

}  // namespace

std::string htmlText(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\n':
                out += "<br>";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string reportHtml(const RunReport& report, const FigureFunction& figure) {
    std::string out = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
        "charset=\"utf-8\"><title>{0}</title>\n<style>{1}</style>"
        "</head>\n<body>\n<h1>{0}</h1>\n",
        htmlText(report.name), kStyle);
    if (!report.run.row.notes.empty()) out += "<p>" + htmlText(report.run.row.notes) + "</p>\n";
    out += facts(report);
    out += section("Loss", drawn(figure("loss")));
    out += section("Evaluations", evaluationTable(report));
    if (report.routing) {
        const std::string map = drawn(figure("routing"));
        if (!map.empty())
            out +=
                section("Routing",
                        map + fmt::format("<p class=\"note\">Load of each expert over its even "
                                          "share, all domains, both choices, steps {} to {}.</p>\n",
                                          counted(report.routing->firstStep), counted(report.routing->step)));
    }
    out += section("Samples", samplesTable(report));
    out += section("Alarms and changes", events(report));
    std::string settings = "<table>\n";
    for (const auto& [key, value] : report.settings)
        settings += row(key, value);
    out += section("Settings", settings +
                                   "</table>\n<p class=\"note\">The model, its shape, the data, and what "
                                   "differs from the defaults. All else is in recipe.json.</p>\n");
    return out + "</body></html>\n";
}

}  // namespace caravan::projects
