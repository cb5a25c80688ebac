// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/token_strip.h"

#include <QPaintEvent>
#include <QPainter>
#include <algorithm>

#include "widgets/accessible_roles.h"
#include "widgets/theme_colors.h"
#include "widgets/token_strip_parts.h"

namespace caravan::widgets {
namespace {
constexpr int kCloseAfter = 2000;  // characters: a layout of 2,000 tokens takes 4 ms, of 40,000 takes 76 ms
constexpr qreal kUnderline = 2.0;  // px
}  // namespace

TokenStrip::TokenStrip(QWidget* parent) : QWidget(parent), m_font(textFont(TextRole::Chat)) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleRole(this, QAccessible::List);
    setAccessibleName(tr("Tokens"));
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

TokenStrip::~TokenStrip() = default;

void TokenStrip::setTokens(std::vector<StripToken> tokens) {
    m_tokens = std::move(tokens);
    m_selected = -1;
    rebuildFrom(0);
}

void TokenStrip::appendTokens(const std::vector<StripToken>& tokens) {
    if (tokens.empty()) return;
    const int first = count();
    m_tokens.insert(m_tokens.end(), tokens.begin(), tokens.end());
    const std::size_t dirty = m_paragraphs.empty() ? 0 : m_paragraphs.size() - 1;
    for (int i = first; i < count(); ++i)
        appendToParagraphs(i);
    if (m_layoutWidth > 0) layoutParagraphs(dirty, m_layoutWidth);
    updateGeometry();
    update();
}

void TokenStrip::clear() {
    setTokens({});
}

void TokenStrip::setExperts(const std::vector<std::pair<int, double>>& experts) {
    for (std::size_t i = 0; i < std::min(experts.size(), m_tokens.size()); ++i) {
        m_tokens[i].expert = experts[i].first;
        m_tokens[i].weight = experts[i].second;
    }
    update();
}

void TokenStrip::setColored(bool colored) {
    if (m_colored == colored) return;
    m_colored = colored;
    rebuildFrom(0);
}

void TokenStrip::setTextRoleFont(const QFont& font) {
    m_font = font;
    rebuildFrom(0);
}

void TokenStrip::setHighlightedExpert(int expert) {
    m_highlight = expert;
    update();
}

void TokenStrip::setStreaming(bool streaming) {
    m_streaming = streaming;
    update();
}

void TokenStrip::setMark(int token) {
    m_mark = token;
    update();
}

QString TokenStrip::plainText() const {
    QString text;
    for (const StripToken& token : m_tokens)
        text += token.text;
    return text;
}

void TokenStrip::rebuildFrom(int token) {
    Q_ASSERT(token == 0);
    m_paragraphs.clear();
    for (int i = token; i < count(); ++i)
        appendToParagraphs(i);
    m_layoutWidth = -1;
    updateGeometry();
    update();
}

// A line feed ends the paragraph; colored strips show it as a mark so that the token stays visible and
// clickable.
void TokenStrip::appendToParagraphs(int token) {
    if (m_paragraphs.empty() || m_paragraphs.back()->closed) {
        m_paragraphs.push_back(std::make_unique<Paragraph>());
        m_paragraphs.back()->firstToken = token;
    }
    Paragraph& paragraph = *m_paragraphs.back();
    const StripToken& source = m_tokens[static_cast<std::size_t>(token)];
    QString shown = source.text;
    const bool feed = shown.contains(QLatin1Char('\n'));
    const int feeds = static_cast<int>(shown.count(QLatin1Char('\n')));
    shown.remove(QLatin1Char('\r'));
    shown.replace(QLatin1Char('\t'), QStringLiteral("    "));
    if (source.kind == StripToken::Kind::Special) {
        shown.replace(QLatin1Char('\n'), QChar(0x21B5));
        // no-break spaces keep the box in one piece and give it room
        shown = QChar(0x00A0) + shown + QChar(0x00A0);
    } else if (feed) {
        // inner feeds (a token such as "\n\n    ") become line separators behind their marks
        QString with;
        int seen = 0;
        for (const QChar c : shown) {
            if (c != QLatin1Char('\n')) {
                with += c;
                continue;
            }
            ++seen;
            if (m_colored) with += QChar(0x21B5);
            if (seen < feeds || !shown.endsWith(QLatin1Char('\n'))) with += QChar(QChar::LineSeparator);
        }
        shown = with;
    }
    paragraph.starts.push_back(static_cast<int>(paragraph.text.size()));
    paragraph.text += shown;
    const bool endsLine = source.text.endsWith(QLatin1Char('\n')) && source.kind != StripToken::Kind::Special;
    paragraph.closed = endsLine || (paragraph.text.size() > kCloseAfter && shown.endsWith(QLatin1Char(' ')));
}

// Masked and special tokens are written in the secondary color.
QList<QTextLayout::FormatRange> TokenStrip::quietRanges(const Paragraph& paragraph) const {
    QList<QTextLayout::FormatRange> ranges;
    for (int t = paragraph.firstToken; t < paragraph.firstToken + paragraph.tokens(); ++t) {
        const StripToken::Kind kind = m_tokens[static_cast<std::size_t>(t)].kind;
        if (kind != StripToken::Kind::Masked && kind != StripToken::Kind::Special) continue;
        QTextLayout::FormatRange range;
        range.start = paragraph.start(t);
        range.length = paragraph.end(t) - range.start;
        range.format.setForeground(themeColors().text2);
        ranges.push_back(range);
    }
    return ranges;
}

void TokenStrip::layoutParagraphs(std::size_t first, int width) const {
    qreal y = first == 0 ? 0 : m_paragraphs[first - 1]->y + m_paragraphs[first - 1]->height;
    for (std::size_t i = first; i < m_paragraphs.size(); ++i) {
        Paragraph& p = *m_paragraphs[i];
        p.y = y;
        p.layout.setText(p.text.isEmpty() ? QStringLiteral(" ") : p.text);
        p.layout.setFont(m_font);
        QTextOption option;
        option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
        option.setFlags(QTextOption::IncludeTrailingSpaces);
        p.layout.setTextOption(option);
        p.layout.setFormats(quietRanges(p));
        p.layout.beginLayout();
        qreal height = 0;
        for (QTextLine line = p.layout.createLine(); line.isValid(); line = p.layout.createLine()) {
            line.setLineWidth(width);
            line.setPosition({0, height});
            height += line.height() + kStripLineSpacing;
        }
        p.layout.endLayout();
        p.height = height;
        y += height;
    }
    m_layoutWidth = width;
}

int TokenStrip::heightForWidth(int width) const {
    if (width <= 0) return 0;
    if (width != m_layoutWidth) layoutParagraphs(0, width);
    if (m_paragraphs.empty()) return QFontMetrics(m_font).height() + static_cast<int>(kStripLineSpacing);
    return static_cast<int>(m_paragraphs.back()->y + m_paragraphs.back()->height + kUnderline);
}

QSize TokenStrip::sizeHint() const {
    const int w = m_layoutWidth > 0 ? m_layoutWidth : 400;
    return {w, heightForWidth(w)};
}

QSize TokenStrip::minimumSizeHint() const {
    return {120, heightForWidth(std::max(120, width()))};
}

void TokenStrip::resizeEvent(QResizeEvent* event) {
    if (width() != m_layoutWidth) layoutParagraphs(0, width());
    updateGeometry();
    QWidget::resizeEvent(event);
}

void TokenStrip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        m_layoutWidth = -1;  // formats carry colors
        update();
    }
    QWidget::changeEvent(event);
}

const TokenStrip::Paragraph* TokenStrip::paragraphOf(int token) const {
    auto after =
        std::upper_bound(m_paragraphs.begin(), m_paragraphs.end(), token,
                         [](int t, const std::unique_ptr<Paragraph>& p) { return t < p->firstToken; });
    return after == m_paragraphs.begin() ? nullptr : std::prev(after)->get();
}

void TokenStrip::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    if (width() != m_layoutWidth) layoutParagraphs(0, width());
    const QRect clip = event->rect();
    for (const auto& paragraph : m_paragraphs) {
        if (paragraph->y + paragraph->height < clip.top()) continue;
        if (paragraph->y > clip.bottom()) break;
        paintParagraph(painter, *paragraph);
    }
    if (m_mark >= 0 && m_mark < count()) {
        const QRect r = tokenRect(m_mark);
        painter.fillRect(QRect(std::max(0, r.left() - 2), r.top() - 2, 2, r.height() + 4),
                         themeColors().text);
    }
    if (m_selected >= 0) {
        const QRect r = tokenRect(m_selected);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(themeColors().base, 4));
        painter.drawRect(r.adjusted(-1, -1, 1, 1));
        painter.setPen(QPen(themeColors().text, 2));
        painter.drawRect(r.adjusted(-1, -1, 1, 1));
    }
    if (m_streaming) {
        const QRect last =
            count() > 0 ? tokenRect(count() - 1) : QRect(0, 0, 0, QFontMetrics(m_font).height());
        painter.fillRect(QRect(last.right() + 3, last.top() + 2, 7, last.height() - 4), themeColors().accent);
    }
}

void TokenStrip::paintParagraph(QPainter& painter, const Paragraph& paragraph) const {
    const ThemeColors& c = themeColors();
    for (int i = 0; i < paragraph.layout.lineCount(); ++i) {
        const QTextLine line = paragraph.layout.lineAt(i);
        const int from = line.textStart(), to = from + line.textLength();
        auto begin = std::upper_bound(paragraph.starts.begin(), paragraph.starts.end(), from);
        int token = paragraph.firstToken + static_cast<int>(begin - paragraph.starts.begin()) - 1;
        for (; token < paragraph.firstToken + paragraph.tokens() && paragraph.start(token) < to; ++token)
            if (paragraph.end(token) > from) paintToken(painter, paragraph, token, line);
    }
    painter.setPen(c.text);
    paragraph.layout.draw(&painter, {0, paragraph.y});
}

void TokenStrip::paintToken(QPainter& painter, const Paragraph& paragraph, int index,
                            const QTextLine& line) const {
    const ThemeColors& c = themeColors();
    const StripToken& token = m_tokens[static_cast<std::size_t>(index)];
    const int from = std::max(paragraph.start(index), line.textStart());
    const int to = std::min(paragraph.end(index), line.textStart() + line.textLength());
    const qreal x1 = line.cursorToX(from), x2 = line.cursorToX(to);
    const QRectF box(x1, paragraph.y + line.y(), x2 - x1, line.height());
    const QRectF under(box.left(), box.bottom(), std::max(1.0, box.width() - 1), kUnderline);
    if (token.kind == StripToken::Kind::Special) {
        painter.setRenderHint(QPainter::Antialiasing, true);
        painter.setPen(QPen(c.ctl, 1));
        painter.setBrush(c.raised);
        painter.drawRoundedRect(box.adjusted(1.5, 1.5, -1.5, -0.5), 3, 3);
        painter.setRenderHint(QPainter::Antialiasing, false);
        if (m_colored && token.expert < 0) return;
    }
    if (token.kind == StripToken::Kind::Trained) {
        painter.fillRect(box.adjusted(0, 0, -1, 0), c.soft);
        painter.fillRect(under, c.accent);
        return;
    }
    if (!m_colored || token.expert < 0) return;
    if (m_highlight >= 0 && token.expert != m_highlight) return;
    painter.fillRect(box.adjusted(0, 0, -1, 0), expertTint(token.expert, token.weight));
    if (!ThemeColors::expertHatched(token.expert)) {
        painter.fillRect(under, c.expert(token.expert));
        return;
    }
    for (qreal x = under.left(); x < under.right(); x += 5)  // dashed: experts 8 to 15 repeat the hues
        painter.fillRect(QRectF(x, under.top(), std::min(3.0, under.right() - x), kUnderline),
                         c.expert(token.expert));
}

}  // namespace caravan::widgets
