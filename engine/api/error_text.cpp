// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/api/error_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace caravan::engine {
namespace {

constexpr std::array kTemplates = {
    ErrorTemplate{"failed", 1, "The operation failed", "", "{detail}",
                  "Look at the log for what happened before it."},
    ErrorTemplate{"engine_gone", 1, "The engine stopped", "", "{detail}",
                  "Nothing saved is lost. Resume from the last checkpoint."},
    ErrorTemplate{"not_a_number", 1, "The loss was not a number", "step {step}", "",
                  "Continue with half the learning rate, or look at the batch."},
    ErrorTemplate{"loss_diverged", 1, "The loss went up and stayed there", "step {step}",
                  "it was {loss}; {before} was usual before",
                  "Continue with half the learning rate, or look at the batch."},
    ErrorTemplate{"run_busy", 1, "The run is owned by another process", "{run}", "",
                  "Attach to it, or stop it there first."},
    ErrorTemplate{"unsupported", 1, "{what} is not supported", "", "{detail}", ""},
    ErrorTemplate{"device_unavailable", 1, "The device {device} cannot be used", "", "{detail}",
                  "Use --device cpu, or install a driver for it."},
    ErrorTemplate{"device_error", 1, "The device {device} reported an error", "", "{detail}",
                  "Nothing saved is lost. Resume from the last checkpoint."},
    ErrorTemplate{"bad_option", 2, "{key} cannot be {value}", "", "it must be {range}",
                  "Choose a value in that range."},
    ErrorTemplate{"unknown_key", 2, "There is no setting {key}", "", "", "Did you mean {nearest}?"},
    ErrorTemplate{"missing_option", 2, "{key} is missing", "", "", "Say it and run the command again."},
    ErrorTemplate{"not_found", 2, "There is no {what} {name}", "", "", "Check the name."},
    ErrorTemplate{"already_exists", 2, "{path} exists already", "", "",
                  "Choose another name, or remove it first."},
    ErrorTemplate{"file_missing", 3, "A file is missing", "{file}", "", "Check the path."},
    ErrorTemplate{"file_unreadable", 3, "A file cannot be read", "{file}", "{detail}",
                  "Check its permissions and the disk."},
    ErrorTemplate{"file_bad", 3, "A file is damaged or not what it should be", "{file}, {place}", "{detail}",
                  "Fetch or export it again."},
    ErrorTemplate{"file_too_large", 3, "A file asks for more than is accepted", "{file}, {place}",
                  "{bytes} bytes, the limit is {limit}", "Check where it comes from."},
    ErrorTemplate{"model_unsupported", 3, "This model cannot be used", "{file}", "{detail}",
                  "What works: {supported}."},
    ErrorTemplate{"row_bad", 3, "A data row cannot be used", "{file}, line {line}", "{detail}",
                  "Mend or remove the row."},
    ErrorTemplate{"checkpoint_damaged", 3, "A checkpoint is damaged", "{path}", "{detail}",
                  "Resume from an earlier checkpoint."},
    ErrorTemplate{"memory_short", 4, "There is not enough memory: {needed} needed, {available} there", "", "",
                  "{remedy}"},
    ErrorTemplate{"disk_short", 4, "There is not enough disk space: {needed} needed, {available} free",
                  "{path}", "", "Free space there, then continue."},
    ErrorTemplate{"write_failed", 4, "A file could not be written", "{path}", "{detail}",
                  "Check the disk, then continue."},
    ErrorTemplate{"interrupted", 5, "Interrupted; the state is saved", "{run}, step {step}", "",
                  "caravan-cli resume {run} continues it."},
    ErrorTemplate{"internal", 70, "This is a bug in Caravan", "", "{detail}",
                  "Please report it with the log."},
};
static_assert(kTemplates.size() == static_cast<std::size_t>(ErrorCode::Internal) + 1);

// "1073741824" as "1.0 GiB"; other texts as they are.
std::string bytesShown(std::string_view text) {
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::string(text);
    constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = std::stod(std::string(text));
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit)
        value /= 1024;
    return unit == 0 ? fmt::format("{} B", text) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string filled(std::string_view pattern, const Error& error) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::size_t end = pattern[i] == '{' ? pattern.find('}', i) : std::string_view::npos;
        if (end == std::string_view::npos) {
            out += pattern[i];
            continue;
        }
        const std::string_view name = pattern.substr(i + 1, end - i - 1), value = error.parameter(name);
        out += name == "needed" || name == "available" ? bytesShown(value) : std::string(value);
        i = end;
    }
    return out;
}

}  // namespace

const ErrorTemplate& errorTemplate(ErrorCode code) {
    const auto index = static_cast<std::size_t>(code);
    return index < kTemplates.size() ? kTemplates[index] : kTemplates.back();
}

ErrorText describe(const Error& error) {
    const ErrorTemplate& t = errorTemplate(error.code);
    ErrorText text{filled(t.what, error), filled(t.where, error), filled(t.why, error),
                   filled(t.todo, error)};
    while (text.where.ends_with(", ") || text.where.ends_with(' '))
        text.where.pop_back();
    if (error.code == ErrorCode::MemoryShort && error.parameter("needed").empty())
        text.what = "There is not enough memory";
    if (error.code == ErrorCode::Interrupted && error.parameter("run").empty())
        return {"Interrupted before it was done", "", "", "Run it again to do it whole."};
    if (error.code == ErrorCode::UnknownKey && error.parameter("nearest").empty())
        text.todo = "Look at --help for the settings there are.";
    return text;
}

int exitCode(const Error& error) {
    return errorTemplate(error.code).exitCode;
}

namespace {

// Length of the character at the begin of `text`; 0 if it is no UTF-8 or a control character, which a name
// in a damaged file may hold and a terminal would obey.
std::size_t shownLength(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return (byte(0) >= 0x20 && byte(0) != 0x7F) || byte(0) == '\n' ? 1 : 0;
    const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
    if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const bool control = byte(0) == 0xC2 && byte(1) < 0xA0;
    const bool longer = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
    const bool beyond = (byte(0) == 0xED && byte(1) > 0x9F) || (byte(0) == 0xF4 && byte(1) > 0x8F);
    return control || longer || beyond ? 0 : length;
}

}  // namespace

std::string errorLines(const Error& error) {
    const ErrorText t = describe(error);
    std::string out = t.what;
    if (!t.where.empty()) out += fmt::format(" ({})", t.where);
    out += t.why.empty() ? "." : fmt::format(":\n  {}.", t.why);
    if (!t.todo.empty()) out += fmt::format("\n  {}", t.todo);
    std::string shown;
    for (std::string_view rest = out; !rest.empty();) {
        const std::size_t length = shownLength(rest);
        if (length > 0)
            shown += rest.substr(0, length);
        else
            shown += "\xEF\xBF\xBD";
        rest.remove_prefix(std::max<std::size_t>(1, length));
    }
    return shown;
}

}  // namespace caravan::engine
