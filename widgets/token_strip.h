// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTextLayout>
#include <QWidget>
#include <memory>
#include <vector>

namespace caravan::widgets {

// One token as the strip shows it. text is what the token adds to the running text: empty for a token whose
// bytes are only part of a character; such tokens share one cell with the token that completes it.
struct StripToken {
    enum class Kind { Plain, Trained, Masked, Special };
    QString text;
    int expert = -1;      // first choice in the shown layer; -1 = not colored
    double weight = 1.0;  // its gate weight, 0 .. 1
    Kind kind = Kind::Plain;
    QString accessibleText;  // for the screen reader and the tool tip; empty = text
};

// Running text in which every token can be seen, colored, walked and clicked. Paragraphs are laid out one by
// one, closed at a line end, and only the last one is laid out again while tokens stream in. Height follows
// the width (put it in a scroll area or a layout that asks heightForWidth).
class TokenStrip : public QWidget {
    Q_OBJECT
  public:
    explicit TokenStrip(QWidget* parent = nullptr);
    ~TokenStrip() override;

    void setTokens(std::vector<StripToken> tokens);
    void appendTokens(const std::vector<StripToken>& tokens);
    void clear();
    [[nodiscard]] int count() const { return static_cast<int>(m_tokens.size()); }
    [[nodiscard]] const StripToken& token(int index) const {
        return m_tokens[static_cast<std::size_t>(index)];
    }
    // Colors without a new layout: one (expert, weight) per token.
    void setExperts(const std::vector<std::pair<int, double>>& experts);
    void setColored(bool colored);  // off: plain text, borders and line feeds hidden
    void setTextRoleFont(const QFont& font);
    void setHighlightedExpert(int expert);  // -1 = all; others fade to gray
    void setStreaming(bool streaming);      // draws the caret block behind the last token
    [[nodiscard]] bool isStreaming() const { return m_streaming; }
    void setMark(int token);  // a bar before this token: from here on it differs from another text; -1: none
    [[nodiscard]] int mark() const { return m_mark; }
    [[nodiscard]] int selected() const { return m_selected; }
    void select(int index);
    // Token whose cell holds the point, or -1; a second click on a shared cell gives its next token.
    [[nodiscard]] int tokenAt(const QPoint& point) const;
    [[nodiscard]] QRect tokenRect(int index) const;
    [[nodiscard]] QString plainText() const;

    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

  Q_SIGNALS:
    void selectedChanged(int index);
    void activated(int index);  // Enter or double click

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    struct Paragraph;
    void rebuildFrom(int token);
    void layoutParagraphs(std::size_t first, int width) const;
    [[nodiscard]] QList<QTextLayout::FormatRange> quietRanges(const Paragraph& paragraph) const;
    void appendToParagraphs(int token);
    [[nodiscard]] const Paragraph* paragraphOf(int token) const;
    void paintParagraph(QPainter& painter, const Paragraph& paragraph) const;
    void paintToken(QPainter& painter, const Paragraph& paragraph, int token, const QTextLine& line) const;
    [[nodiscard]] int cellStart(int token) const;
    void moveSelection(int delta);
    void moveSelectionByLine(int direction);

    std::vector<StripToken> m_tokens;
    mutable std::vector<std::unique_ptr<Paragraph>> m_paragraphs;
    mutable int m_layoutWidth = -1;
    QFont m_font;
    bool m_colored = true;
    bool m_streaming = false;
    int m_selected = -1;
    int m_highlight = -1;
    int m_mark = -1;
};

}  // namespace caravan::widgets
