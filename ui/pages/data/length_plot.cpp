// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/length_plot.h"

#include <QAction>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMouseEvent>
#include <QSpinBox>
#include <QTextDocument>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/format/format.h"
#include "ui/pages/data/data_mix.h"
#include "ui/pages/data/length_chart.h"
#include "ui/shell/layouts.h"
#include "ui/shell/surface.h"
#include "widgets/chart_pane.h"
#include "widgets/paint.h"
#include "widgets/plot.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

constexpr int kNoteWidth = 360;  // px of the words beside the cut line

// Ticks at multiples of a power of two tokens; "80k" on the other axis.
class TokenTicker : public QCPAxisTicker {
  protected:
    double getTickStep(const QCPRange& range) override {
        double step = 64;
        while (range.size() / step > 7)
            step *= 2;
        return step;
    }
    QString getTickLabel(double tick, const QLocale&, QChar, int) override {
        return withThousands(std::llround(tick));
    }
};

class RowTicker : public QCPAxisTicker {
  protected:
    double getTickStep(const QCPRange& range) override {
        return std::max(1.0, QCPAxisTicker::getTickStep(range));
    }
    QString getTickLabel(double tick, const QLocale&, QChar, int) override {
        return tick >= 10000 ? QString::number(tick / 1000, 'g', 4) + QLatin1Char('k')
                             : withThousands(std::llround(tick));
    }
};

constexpr int kLegendName = 88;  // px; longer names are told whole in the list of files

// Squares in the domains' colors with their names.
class DomainLegend : public QWidget {
  public:
    explicit DomainLegend(QWidget* parent = nullptr) : QWidget(parent) {
        auto* row = new QHBoxLayout(this);
        row->setContentsMargins(0, 0, 4, 0);
        row->setSpacing(12);
    }
    void setNames(const std::vector<std::string>& names) {
        emptyLayout(layout());
        for (std::size_t i = 0; i < names.size(); ++i)
            layout()->addWidget(new LegendItem(
                static_cast<int>(i), static_cast<int>(names.size()),
                fontMetrics().elidedText(QString::fromStdString(names[i]), Qt::ElideMiddle, kLegendName),
                {}));
    }
};

// What a label's text takes of the room.
int textWidth(const QLabel& label, int room) {
    QTextDocument text;
    text.setDocumentMargin(0);
    text.setDefaultFont(label.font());
    text.setHtml(label.text());
    text.setTextWidth(room);
    return std::min(room, static_cast<int>(std::ceil(text.idealWidth())) + 2);
}

}  // namespace

LengthPlot::LengthPlot(QWidget* parent)
    : QWidget(parent),
      m_plot(new LengthChart),
      m_pane(new widgets::ChartPane(m_plot)),
      m_line(new QCPItemLine(m_plot)),
      m_lost(new QCPItemRect(m_plot)),
      m_cut(new QSpinBox),
      m_cutField(new QWidget),
      m_text(new QLabel(this)),  // not the chart's child: a table has cells alone
      m_legend(new DomainLegend) {
    m_plot->setAccessibleName(tr("Row lengths in tokens"));
    m_plot->setMinimumHeight(140);
    m_plot->installEventFilter(this);
    m_plot->setMouseTracking(true);
    m_plot->xAxis->setTicker(QSharedPointer<TokenTicker>::create());
    m_plot->yAxis->setTicker(QSharedPointer<RowTicker>::create());
    m_plot->yAxis->ticker()->setTickCount(4);
    m_cut->setRange(1, 1 << 20);
    m_cut->setFixedWidth(84);
    m_cut->setAlignment(Qt::AlignRight);
    m_cut->setFont(widgets::numberFont());
    m_cut->setAccessibleName(tr("Sequence length: rows are cut here"));
    m_cut->setKeyboardTracking(false);
    auto* label = new ThemedLabel(tr("Cut at"), widgets::TextRole::Secondary, Token::Text2);
    label->setBuddy(m_cut);
    m_cutField->setFocusProxy(m_cut);
    auto* row = new QHBoxLayout(m_cutField);
    row->setContentsMargins(4, 0, 0, 0);
    row->setSpacing(8);
    row->addWidget(label);
    row->addWidget(m_cut);
    m_text->setTextFormat(Qt::RichText);
    m_text->setWordWrap(true);
    m_text->setBackgroundRole(QPalette::Window);  // its own color, see applyColors()
    m_text->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_text->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
    connect(m_text, &QLabel::linkActivated, this, [this](const QString& link) {
        Q_EMIT longRowsChosen(link == QLatin1String("drop") ? engine::LongRows::Drop : engine::LongRows::Cut);
    });
    m_text->setFont(widgets::textFont(widgets::TextRole::Secondary));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 0, 8, 8);
    layout->addWidget(m_pane, 1);
    m_pane->setExportName(tr("row lengths"));
    m_text->raise();
    connect(m_pane->tableAction(), &QAction::toggled, this, [this] { showText(); });
    connect(m_cut, &QSpinBox::valueChanged, this, [this](int value) {
        placeCut(value);
        Q_EMIT cutChanged(value);
    });
    connect(m_plot, &QCustomPlot::afterLayout, this, &LengthPlot::placeText);
    applyColors();
    rebuild();
}

std::int64_t LengthPlot::cut() const {
    return m_cut->value();
}
QString LengthPlot::cutText() const {
    return m_lossWords;
}

void LengthPlot::setPreview(const engine::DataPreview& preview, engine::LongRows longRows) {
    m_preview = preview;
    m_longRows = longRows;
    const QSignalBlocker quiet(m_cut);
    if (preview.sequenceLength > 0) m_cut->setValue(static_cast<int>(preview.sequenceLength));
    std::int64_t cutRows = 0, dropped = 0, lost = 0, answers = 0;
    for (const engine::DataFileReport& file : preview.files) {
        if (file.heldout) continue;
        cutRows += file.truncated;
        dropped += file.dropped;
        lost += file.answerTokensLost;
        answers += file.answerTokens + file.answerTokensLost;
    }
    const double share = answers > 0 ? 100.0 * static_cast<double>(lost) / static_cast<double>(answers) : 0;
    if (longRows == engine::LongRows::Drop)
        m_lossWords = dropped == 0 ? tr("No row is left out.")
                                   : tr("%1 rows are left out.").arg(withThousands(dropped));
    else
        m_lossWords = cutRows == 0 ? tr("No row is cut.")
                                   : tr("%1 rows lose their end, %2 of the answer tokens.")
                                         .arg(withThousands(cutRows),
                                              QString::number(share, 'f', 2) + kThinSpace + QLatin1Char('%'));
    rebuild();
}

void LengthPlot::rebuild() {
    std::vector<LengthChart::Domain> domains;
    std::vector<std::string> order;
    for (const DomainShare& share : largestOf(sharesOf(m_preview))) {
        order.push_back(share.name.toStdString());
        domains.push_back({order.back(), {}});
    }
    for (const engine::DataFileReport& file : m_preview.files) {
        if (file.heldout || !file.error.empty()) continue;
        auto domain = std::find_if(domains.begin(), domains.end(),
                                   [&](const LengthChart::Domain& each) { return each.name == file.name; });
        if (domain == domains.end()) --domain;  // the last one: others
        if (domain->rows.size() < file.lengths.size()) domain->rows.resize(file.lengths.size());
        for (std::size_t i = 0; i < file.lengths.size(); ++i)
            domain->rows[i] += static_cast<double>(file.lengths[i]);
    }
    const double width = static_cast<double>(m_preview.binWidth);
    m_plot->setDomains(std::move(domains), m_preview.binWidth);
    const std::vector<double> top = m_plot->sums();
    const std::size_t bins = top.size();
    static_cast<DomainLegend*>(m_legend)->setNames(order);
    // The long tail is empty for the eye: show 99.9 % of the rows, and the cut line always.
    double total = 0, seen = 0, right = width;
    for (double v : top)
        total += v;
    for (std::size_t i = 0; i < bins && seen < 0.999 * total; ++i) {
        seen += top[i];
        right = (static_cast<double>(i) + 1) * width;
    }
    m_plot->xAxis->setRange(0, std::max(right, static_cast<double>(m_cut->value()) * 1.1));
    m_plot->yAxis->setRange(0, std::max(1.0, *std::max_element(top.begin(), top.end())) * 1.08);
    const bool known = !order.empty();
    m_line->setVisible(known);
    m_lost->setVisible(known);
    showText();
    m_cut->setEnabled(known);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis})
        axis->setTickLabels(known);
    placeCut(m_cut->value());
    m_pane->refresh();
}

void LengthPlot::showText() {
    m_text->setVisible(!m_plot->domains().empty() && !m_pane->isTableShown());
}

void LengthPlot::placeCut(double tokens) {
    const double top = m_plot->yAxis->range().upper;
    m_line->start->setCoords(tokens, 0);
    m_line->end->setCoords(tokens, top);
    m_lost->topLeft->setCoords(tokens, top);
    m_lost->bottomRight->setCoords(m_plot->xAxis->range().upper, 0);
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

// Right of the line where there is room, else left of it.
void LengthPlot::placeText() {
    const QRect area = m_plot->axisRect()->rect();
    const int line = static_cast<int>(m_plot->xAxis->coordToPixel(m_cut->value()));
    const int right = area.right() - line - 12, left = line - area.left() - 12;
    const int width = std::min(kNoteWidth, std::max(right, left));
    const bool beside = right >= std::min(width, 150);
    const bool drops = m_longRows == engine::LongRows::Drop;
    const widgets::ThemeColors& c = widgets::themeColors();
    m_text->setText(QStringLiteral("<b>%1</b><br>%2<br><span style='color:%3'>%4</span> "
                                   "<a style='color:%5; text-decoration:none' href='%6'>%7</a>")
                        .arg((drops ? tr("Left out over %1 tokens") : tr("Cut at %1 tokens"))
                                 .arg(withThousands(m_cut->value())),
                             m_lossWords, c.text2.name(), tr("Drag the line, or"), c.accent.name(),
                             drops ? QStringLiteral("cut") : QStringLiteral("drop"),
                             drops ? tr("cut these rows") : tr("drop these rows")));
    const int room = beside ? std::min(kNoteWidth, right) : textWidth(*m_text, width);
    m_text->setAutoFillBackground(!beside);  // bars may stand there
    const QPoint at = m_plot->mapTo(this, QPoint(beside ? line + 10 : line - 10 - room, area.top() + 6));
    m_text->setGeometry(at.x(), at.y(), room, m_text->heightForWidth(room));
}

void LengthPlot::applyColors() {
    const widgets::ThemeColors& c = widgets::themeColors();
    m_plot->setBackground(c.base);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis}) {
        axis->setBasePen(axis == m_plot->xAxis ? widgets::hairline(c.ctl) : QPen(Qt::NoPen));
        axis->setTickPen(Qt::NoPen);
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLabelColor(c.text2);
        axis->setTickLabelFont(widgets::textFont(widgets::TextRole::Caption));
        axis->grid()->setPen(axis == m_plot->yAxis ? widgets::hairline(c.grid) : QPen(Qt::NoPen));
        axis->grid()->setZeroLinePen(Qt::NoPen);
    }
    m_line->setPen(QPen(c.warn, 2));
    QColor lost = c.warnBg;
    lost.setAlpha(150);
    m_lost->setPen(Qt::NoPen);
    m_lost->setBrush(lost);
    QPalette veil;
    QColor base = c.base;
    base.setAlpha(225);  // the bars behind it are still seen
    veil.setColor(QPalette::Window, base);
    m_text->setPalette(veil);
}

void LengthPlot::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        applyColors();
        rebuild();
        if (isVisible()) m_plot->replot(QCustomPlot::rpRefreshHint);  // nothing in the old colors meanwhile
    }
    QWidget::changeEvent(event);
}

bool LengthPlot::eventFilter(QObject* watched, QEvent* event) {
    if (watched != m_plot) return QWidget::eventFilter(watched, event);
    const auto near = [this](const QMouseEvent* e) {
        return std::abs(m_plot->xAxis->coordToPixel(m_cut->value()) - e->position().x()) < 6;
    };
    if (event->type() == QEvent::MouseButtonPress && near(static_cast<QMouseEvent*>(event))) {
        m_dragging = true;
        return true;
    }
    if (event->type() == QEvent::MouseMove) {
        const auto* move = static_cast<QMouseEvent*>(event);
        m_plot->setCursor(m_dragging || near(move) ? Qt::SplitHCursor : Qt::ArrowCursor);
        if (m_dragging) {
            const double tokens = std::clamp(m_plot->xAxis->pixelToCoord(move->position().x()), 1.0, 1e6);
            const QSignalBlocker quiet(m_cut);
            m_cut->setValue(static_cast<int>(tokens / 8) * 8);
            placeCut(m_cut->value());
        }
        return m_dragging;
    }
    if (event->type() == QEvent::MouseButtonRelease && m_dragging) {
        m_dragging = false;
        Q_EMIT cutChanged(m_cut->value());
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace caravan::ui
