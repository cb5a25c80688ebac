// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/markdown_view.h"

#include <QDesktopServices>
#include <QTextBlock>
#include <QTextCursor>
#include <QWheelEvent>
#include <cmath>
#include <memory>

#include "ui/pages/chat/chat_text_size.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

bool isCode(const QTextBlock& block) {
    const QTextBlockFormat format = block.blockFormat();
    return format.hasProperty(QTextFormat::BlockCodeFence) ||
           format.hasProperty(QTextFormat::BlockCodeLanguage) || format.nonBreakableLines();
}

}  // namespace

MarkdownView::MarkdownView(QWidget* parent) : QTextBrowser(parent) {
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setOpenLinks(false);
    setAccessibleName(tr("Answer"));
    setTabChangesFocus(true);
    document()->setDocumentMargin(0);
    viewport()->setAutoFillBackground(false);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    connect(this, &QTextBrowser::anchorClicked, this, [](const QUrl& url) {
        if (url.scheme() == QStringLiteral("https") || url.scheme() == QStringLiteral("http"))
            QDesktopServices::openUrl(url);
    });
    connect(&ChatTextSize::instance(), &ChatTextSize::changed, this, [this] { setAnswer(m_markdown); });
}

void MarkdownView::setAnswer(const QString& markdown) {
    m_markdown = markdown;
    document()->setDefaultFont(ChatTextSize::instance().font(widgets::TextRole::Chat));
    document()->setMarkdown(markdown, QTextDocument::MarkdownFeatures(QTextDocument::MarkdownDialectGitHub) |
                                          QTextDocument::MarkdownNoHTML);
    dressCode();
    setAccessibleDescription(document()->toPlainText());
    fitHeight();
}

// Code keeps its lines and stands on its own ground, in the theme's colors.
void MarkdownView::dressCode() {
    m_dressing = true;
    const widgets::ThemeColors& c = widgets::themeColors();
    const QFont font = ChatTextSize::instance().font(widgets::TextRole::Code);
    for (QTextBlock block = document()->begin(); block.isValid(); block = block.next()) {
        if (!isCode(block)) continue;
        QTextCursor cursor(block);
        QTextBlockFormat format = block.blockFormat();
        format.setBackground(c.alt);
        format.setLeftMargin(0);
        format.setTextIndent(12);
        format.setTopMargin(block.previous().isValid() && isCode(block.previous()) ? 0 : 6);
        format.setBottomMargin(block.next().isValid() && isCode(block.next()) ? 0 : 6);
        format.setNonBreakableLines(false);
        cursor.setBlockFormat(format);
        cursor.select(QTextCursor::BlockUnderCursor);
        QTextCharFormat text;
        text.setFont(font);
        text.setForeground(c.text);
        cursor.mergeCharFormat(text);
    }
    m_dressing = false;
}

int MarkdownView::heightForWidth(int width) const {
    std::unique_ptr<QTextDocument> copy(document()->clone());
    copy->setTextWidth(width);
    return static_cast<int>(std::ceil(copy->size().height())) + 2;
}

QSize MarkdownView::sizeHint() const {
    return {600, height()};
}

void MarkdownView::fitHeight() {
    document()->setTextWidth(viewport()->width());
    const int wanted = static_cast<int>(std::ceil(document()->size().height())) + 2;
    if (wanted != height()) setFixedHeight(wanted);
}

QVariant MarkdownView::loadResource(int, const QUrl&) {
    return {};
}

void MarkdownView::resizeEvent(QResizeEvent* event) {
    QTextBrowser::resizeEvent(event);
    fitHeight();
}

void MarkdownView::changeEvent(QEvent* event) {
    QTextBrowser::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && !m_dressing) dressCode();
}

void MarkdownView::wheelEvent(QWheelEvent* event) {
    event->ignore();  // the conversation scrolls
}

}  // namespace caravan::ui
