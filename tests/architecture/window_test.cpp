// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the window's tests walk is found in its sources: a new dialog, widget or chart that no walk knows, and
// words that no translator sees, fail here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = CARAVAN_SOURCE_DIR;

std::string readFile(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> filesIn(const std::string& folder, const std::set<std::string>& kinds) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder))
        if (entry.is_regular_file() && kinds.count(entry.path().extension().string()))
            found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

std::string allOf(const std::string& folder) {
    std::string text;
    for (const fs::path& path : filesIn(folder, {".cpp"}))
        text += readFile(path);
    return text;
}

// Names of the classes of a folder whose bases match.
std::vector<std::string> classesIn(const std::string& folder, const std::string& bases,
                                   const std::set<std::string>& kinds = {".h"}) {
    const std::regex pattern("class (\\w+)[^;{(]*:[^;{]*public (widgets::)?(" + bases + ")\\b");
    std::vector<std::string> found;
    for (const fs::path& path : filesIn(folder, kinds)) {
        const std::string text = readFile(path);
        for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i)
            found.push_back((*i)[1].str());
    }
    return found;
}

// A string literal of a source and what stands before its first part.
struct Literal {
    std::string text, before;
    std::size_t line = 1;
};

// The literals of a source; parts that the compiler joins are one. Comments, character literals, includes and
// raw strings are left out.
class Reader {
  public:
    explicit Reader(const std::string& source) : m_source(source) {}

    std::vector<Literal> literals() {
        while (m_at < m_source.size())
            step();
        return std::move(m_found);
    }

  private:
    void step() {
        const char c = m_source[m_at];
        if (c == '\n') ++m_line;
        if (m_source.compare(m_at, 2, "//") == 0 || (c == '#' && !m_joined)) return skipTo("\n");
        if (m_source.compare(m_at, 2, "R\"") == 0) return skipTo(")\"");
        if (c == '\'' && (m_at == 0 || !std::isalnum(static_cast<unsigned char>(m_source[m_at - 1]))))
            return skipCharacter();
        if (c == '"') return take();
        if (!std::isspace(static_cast<unsigned char>(c))) {
            m_joined = false;
            m_code += c;
        } else if (!m_code.empty() && m_code.back() != ' ') {
            m_code += ' ';
        }
        ++m_at;
    }
    void skipTo(const char* end) {
        const std::size_t found = m_source.find(end, m_at + 2);
        m_line += static_cast<std::size_t>(std::count(
            m_source.begin() + static_cast<std::ptrdiff_t>(m_at),
            m_source.begin() + static_cast<std::ptrdiff_t>(std::min(found, m_source.size())), '\n'));
        m_at = found == std::string::npos ? m_source.size() : found + (*end == '\n' ? 0 : 2);
    }
    void skipCharacter() {
        m_at += m_source[m_at + 1] == '\\' ? 4 : 3;
        m_joined = false;
        m_code += '0';
    }
    void take() {
        std::string text;
        for (++m_at; m_at < m_source.size() && m_source[m_at] != '"'; ++m_at) {
            if (m_source[m_at] == '\\') text += m_source[m_at++];
            text += m_source[m_at];
        }
        ++m_at;
        if (m_joined) {
            m_found.back().text += text;
        } else {
            m_found.push_back({text, m_code, m_line});
        }
        m_joined = true;
    }

    const std::string& m_source;
    std::size_t m_at = 0, m_line = 1;
    bool m_joined = false;  // nothing but space since the last literal
    std::string m_code;     // without literals and comments
    std::vector<Literal> m_found;
};

// Two words beside each other, or one with a capital: what a person reads.
bool isForPeople(const std::string& text) {
    static const std::regex words("[A-Za-z]{2,}[,.:;]? [A-Za-z]{2,}|^[A-Z][a-z]{2,}");
    static const std::regex markup("<[^>]*>|font-[a-z]+:[^;]*;?");
    return std::regex_search(std::regex_replace(text, markup, ""), words);
}

bool isTranslated(const std::string& before) {
    static const std::regex call(
        R"re(((^|[^\w])tr|translate|QT_TR_NOOP|QT_TRANSLATE_NOOP) ?\( ?([\w:]*, ?|, ?)?$)re");
    return std::regex_search(before.size() > 80 ? before.substr(before.size() - 80) : before, call);
}

std::vector<Literal> untranslated(const std::string& source) {
    std::vector<Literal> found;
    for (const Literal& literal : Reader(source).literals())
        if (isForPeople(literal.text) && !isTranslated(literal.before)) found.push_back(literal);
    return found;
}

TEST(Window, EveryWordPassesTheTranslator) {
    // Names that stay as they are, members of other programs' interfaces, and the log, which is English.
    const std::set<std::string> names = {
        "Caravan",       "Caravan ",           "Fusion",          "Notify",         "Update",
        "Read",          "SettingChanged",     "Ctrl K",          "engine socket",  "AdamW",
        "ActionInvoked", "NotificationClosed", "ActivationToken", "GetCapabilities"};
    const std::set<std::string> files = {"ui/shell/screenshots.cpp", "ui/bridge/socket_worker.cpp"};
    std::size_t literals = 0;
    for (const char* folder : {"ui", "widgets"})
        for (const fs::path& path : filesIn(folder, {".cpp", ".h"})) {
            const std::string file = fs::relative(path, kRoot).string();
            if (file.find("/gallery/") != std::string::npos || files.count(file)) continue;
            const std::string source = readFile(path);
            literals += Reader(source).literals().size();
            for (const Literal& literal : untranslated(source))
                if (!names.count(literal.text) && literal.text.rfind("caravan-cli ", 0) != 0)
                    ADD_FAILURE() << file << ":" << literal.line << ": \"" << literal.text << "\"";
        }
    EXPECT_GT(literals, 2000u);
}

// Long work tells its stages as words of the engine, which knows no translator: the window has them all.
TEST(Window, EveryStageOfTheEnginePassesTheTranslator) {
    const std::string known = readFile(kRoot / "ui/format/stage_words.cpp");
    const std::regex named(R"re(stage ?= ?"([^"]+)")re");
    std::size_t stages = 0;
    for (const char* folder : {"engine", "app"})
        for (const fs::path& path : filesIn(folder, {".cpp", ".h"})) {
            const std::string source = readFile(path);
            for (std::sregex_iterator at(source.begin(), source.end(), named), end; at != end; ++at, ++stages)
                EXPECT_NE(known.find('"' + (*at)[1].str() + '"'), std::string::npos)
                    << fs::relative(path, kRoot).string() << ": " << (*at)[1];
        }
    EXPECT_GT(stages, 12u);
}

TEST(Window, AWordBesideTheTranslatorIsSeen) {
    EXPECT_EQ(untranslated("label->setText(QStringLiteral(\"No runs yet\"));").size(), 1u);
    EXPECT_EQ(untranslated("box(\"Save\");").size(), 1u);
    EXPECT_EQ(untranslated("a('\"'); x(\"one \"  // joined\n  \"two\");").size(), 1u);
    EXPECT_EQ(untranslated("b(QStringLiteral(\"<b style='color:red'>No runs</b>\"));").size(), 1u);
    EXPECT_TRUE(untranslated("label->setText(tr(\"No runs\" \" yet\"));").empty());
    EXPECT_TRUE(untranslated("label->setText(Page::tr(\n    \"No runs yet\"));").empty());
    EXPECT_TRUE(untranslated("QCoreApplication::translate(\"Recipe\", \"Learning rate\");").empty());
    EXPECT_TRUE(untranslated("// \"not a word\" of code\n#include \"Some file\"\n").empty());
    EXPECT_TRUE(untranslated("find(QStringLiteral(\"chat.send\"));").empty());
}

TEST(Window, EveryDialogIsWalked) {
    const std::string walk = readFile(kRoot / "tests/ui/tst_every_dialog.cpp");
    const std::vector<std::string> dialogs = classesIn("ui", "QDialog", {".h", ".cpp"});
    EXPECT_GE(dialogs.size(), 7u);
    for (const std::string& dialog : dialogs)
        EXPECT_NE(walk.find("new " + dialog + "("), std::string::npos)
            << dialog << " is not in tests/ui/tst_every_dialog.cpp";
}

TEST(Window, EveryPageIsWalkedAndHasAJourney) {
    // The walks ask the window for its pages; the journeys name them.
    const std::string walk = readFile(kRoot / "tests/ui/tst_every_page.cpp"),
                      journeys = allOf("tests/app/journey"), list = readFile(kRoot / "ui/page_list.cpp");
    EXPECT_NE(walk.find("all.window->pageIds()"), std::string::npos);
    const std::vector<std::string> pages = classesIn("ui/pages", "Page");
    EXPECT_GE(pages.size(), 8u);
    for (const std::string& page : pages) {
        EXPECT_NE(list.find(page), std::string::npos) << page << " is not in ui/page_list.cpp";
        EXPECT_NE(journeys.find(page), std::string::npos) << page << " has no journey";
    }
}

TEST(Window, EveryWidgetIsInTheGallery) {
    const std::string gallery = allOf("widgets/gallery");
    const std::vector<std::string> widgets =
        classesIn("widgets", "QWidget|QFrame|QAbstractSlider|QAbstractScrollArea|QStackedWidget|QCustomPlot");
    EXPECT_GE(widgets.size(), 17u);
    for (const std::string& widget : widgets)
        EXPECT_TRUE(std::regex_search(gallery, std::regex("(new |make_unique<)" + widget + "\\b")))
            << widget << " is not in widgets/gallery";
}

// Charts give their numbers as a table: Ctrl+T, screen readers, CSV.
TEST(Window, EveryPlotIsATable) {
    std::size_t plots = 0;
    for (const char* folder : {"widgets", "ui"}) {
        const std::vector<std::string> grids = classesIn(folder, "ChartGrid");
        for (const std::string& plot : classesIn(folder, "QCustomPlot")) {
            ++plots;
            EXPECT_NE(std::find(grids.begin(), grids.end(), plot), grids.end()) << plot;
        }
    }
    EXPECT_GE(plots, 2u);
}

}  // namespace
