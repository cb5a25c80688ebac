// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/model_details.h"

#include <QDir>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QRegularExpression>
#include <QVBoxLayout>

#include "ui/format/format.h"
#include "ui/models/model_tree.h"
#include "ui/pages/models/card_need.h"
#include "ui/pages/models/token_chips.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/shell/layouts.h"
#include "ui/shell/surface.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {
namespace {

using Check = VerdictBox::Check;
constexpr int kTokenizeDelayMs = 120;

QString ropeText(const engine::RopeConfig& rope) {
    QString text = ModelDetails::tr("RoPE base %1").arg(withThousands(static_cast<std::int64_t>(rope.theta)));
    if (rope.kind == engine::RopeKind::Linear)
        text += ModelDetails::tr(", linear × %1").arg(shortReal(rope.factor));
    if (rope.kind == engine::RopeKind::Llama3)
        text += ModelDetails::tr(", llama3 × %1").arg(shortReal(rope.factor));
    return text;
}

QString attentionText(const engine::ModelConfig& config) {
    QString heads = QStringLiteral("%1 × %2").arg(config.heads).arg(config.headSize);
    if (config.kvHeads != config.heads) heads += ModelDetails::tr(", %1 key heads").arg(config.kvHeads);
    if (config.qkvBias) heads += ModelDetails::tr(", bias");
    if (config.qkNorm) heads += ModelDetails::tr(", q and k normalized");
    if (config.slidingWindow)
        heads += ModelDetails::tr(", window %1").arg(withThousands(*config.slidingWindow));
    return heads + QStringLiteral(", ") + ropeText(config.rope);
}

// White space as one sees it: a word's leading space, line feeds, tabs.
QString visiblePiece(QString piece) {
    piece.replace(QLatin1Char(' '), QChar(0x2581));
    piece.replace(QLatin1Char('\n'), QChar(0x21B5));
    piece.replace(QLatin1Char('\t'), QChar(0x21E5));
    return piece;
}

// Numbers in the fixed font, words in the text's own.
QString withNumbers(const QString& text) {
    static const QRegularExpression number(
        QStringLiteral("((?<![A-Za-z0-9])[0-9][0-9,.e\\-]*[0-9]|(?<![A-Za-z0-9,.])[0-9](?![A-Za-z0-9]))"));
    QString rich = text.toHtmlEscaped();
    const QFont font = widgets::numberFont();
    rich.replace(number, QStringLiteral("<span style='font-family:\"%1\"; font-size:%2px'>\\1</span>")
                             .arg(font.family())
                             .arg(font.pixelSize()));
    return rich;
}

QString shareName(const std::string& key) {
    if (key == "embeddings") return ModelDetails::tr("Embeddings");
    if (key == "attention") return ModelDetails::tr("Attention");
    if (key == "ffn") return ModelDetails::tr("FFN");
    if (key == "adapters") return ModelDetails::tr("Adapters");
    if (key == "routers") return ModelDetails::tr("Routers");
    if (key == "norms") return ModelDetails::tr("Norms");
    if (key == "head") return ModelDetails::tr("Head");
    return QString::fromStdString(key);
}

}  // namespace

ModelDetails::ModelDetails(EngineLink* engine, QAction* chat, QAction* upcycle, QWidget* parent)
    : QScrollArea(parent), m_engine(engine) {
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setAccessibleName(tr("Details of the model"));
    m_body = new Surface(Token::Base);
    m_layout = new QVBoxLayout(m_body);
    m_layout->setContentsMargins(28, 20, 28, 24);
    m_layout->setSpacing(10);
    makeHead(chat, upcycle);
    m_verdict = new VerdictBox;
    m_layout->addSpacing(4);
    m_layout->addWidget(m_verdict);
    m_layout->addSpacing(6);
    m_known = new QWidget;
    m_layout->addWidget(m_known);
    auto* known = new QVBoxLayout(m_known);
    known->setContentsMargins(0, 0, 0, 0);
    known->setSpacing(8);
    m_facts = new QGridLayout;
    m_facts->setHorizontalSpacing(16);
    m_facts->setVerticalSpacing(7);
    m_facts->setColumnMinimumWidth(0, 124);
    m_facts->setColumnStretch(1, 1);
    known->addLayout(m_facts);
    known->addSpacing(10);
    m_sharesTitle = new ThemedLabel(QString(), widgets::TextRole::Section);
    known->addWidget(m_sharesTitle);
    m_bar = new widgets::StackBar;
    m_bar->setFixedHeight(20);
    known->addWidget(m_bar);
    m_legend = new QGridLayout;
    m_legend->setHorizontalSpacing(8);
    m_legend->setVerticalSpacing(2);
    known->addLayout(m_legend);
    known->addSpacing(10);
    m_tokenizer = new QWidget;
    known->addWidget(m_tokenizer);
    auto* tokenizer = new QVBoxLayout(m_tokenizer);
    tokenizer->setContentsMargins(0, 0, 0, 0);
    tokenizer->setSpacing(6);
    auto* title = new QHBoxLayout;
    title->addWidget(new ThemedLabel(tr("Tokenizer"), widgets::TextRole::Section));
    m_tokenNote = new ThemedLabel(tr("type to try"), widgets::TextRole::Secondary, Token::Text2);
    title->addWidget(m_tokenNote, 1);
    tokenizer->addLayout(title);
    m_text = new QLineEdit(tr("The caravan moves at dawn."));
    m_text->setAccessibleName(tr("Text to tokenize"));
    m_text->setMaxLength(2000);
    tokenizer->addWidget(m_text);
    m_chips = new TokenChips;
    tokenizer->addWidget(m_chips);
    m_useBox = new QWidget;
    m_layout->addWidget(m_useBox);
    auto* below = new QHBoxLayout(m_useBox);
    below->setContentsMargins(0, 8, 0, 0);
    below->setSpacing(24);
    m_need = new CardNeed(m_engine);
    below->addWidget(m_need, 1);
    auto* used = new QWidget;
    m_use = new QVBoxLayout(used);
    m_use->setContentsMargins(0, 0, 0, 0);
    m_use->setSpacing(4);
    below->addWidget(used, 1);
    m_layout->addStretch(1);
    setWidget(m_body);
    m_debounce.setSingleShot(true);
    m_debounce.setInterval(kTokenizeDelayMs);
    connect(&m_debounce, &QTimer::timeout, this, &ModelDetails::tokenize);
    connect(m_text, &QLineEdit::textChanged, &m_debounce, qOverload<>(&QTimer::start));
    m_body->hide();
}

void ModelDetails::makeHead(QAction* chat, QAction* upcycle) {
    auto* head = new QHBoxLayout;
    head->setSpacing(10);
    auto* names = new QVBoxLayout;
    names->setSpacing(2);
    m_name = new ThemedLabel(QString(), widgets::TextRole::Title);
    m_name->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_place = new ThemedLabel(QString(), widgets::TextRole::Number, Token::Text2);
    m_place->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_place->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    names->addWidget(m_name);
    names->addWidget(m_place);
    head->addLayout(names, 1);
    head->addWidget(actionButton(chat), 0, Qt::AlignTop);
    head->addWidget(actionButton(upcycle, true), 0, Qt::AlignTop);
    m_layout->addLayout(head);
}

void ModelDetails::show(const ModelEntry* entry, const QVector<RunEntry>& runs) {
    m_body->setVisible(entry != nullptr);
    if (!entry) {
        m_path.clear();
        return;
    }
    const bool other = m_path != entry->path;
    m_path = entry->path;
    m_name->setText(entry->name);
    m_place->setText(homePath(entry->path));
    m_place->setToolTip(entry->path);
    showVerdict(*entry);
    const bool known =
        entry->status == ModelEntry::Status::Ready && entry->inspection.kind != "reference_run";
    m_known->setVisible(known);
    if (known) {
        showFacts(entry->inspection);
        showShares(entry->inspection);
        const bool tokenizer = !entry->inspection.tokenizerFile.empty();
        m_tokenizer->setVisible(tokenizer);
        if (tokenizer && (other || m_chips->pieces().isEmpty())) tokenize();
    }
    showUse(*entry, runs);
    if (other) ensureVisible(0, 0);
}

void ModelDetails::showVerdict(const ModelEntry& entry) {
    using Mark = Check::Mark;
    if (entry.status == ModelEntry::Status::Reading)
        return m_verdict->setVerdict(VerdictBox::Tone::Neutral, tr("Reading headers"),
                                     {{Mark::Note, tr("Weights are not read; this takes a moment.")}});
    if (entry.error) {
        const ErrorWords text = words(*entry.error);
        QVector<Check> checks;
        for (const QString& part : {text.detail, text.todo})
            if (!part.isEmpty()) checks << Check{part == text.detail ? Mark::Failed : Mark::Note, part};
        return m_verdict->setVerdict(VerdictBox::Tone::Bad, text.what, checks);
    }
    const engine::ModelInspection& facts = entry.inspection;
    QVector<Check> checks;
    const ModelTree::Group group = ModelTree::groupOf(entry);
    if (group == ModelTree::Group::Unusable) {
        for (const std::string& reason : facts.reasons)
            checks << Check{Mark::Failed, QString::fromStdString(reason)};
        const bool run = facts.kind == "reference_run";
        return m_verdict->setVerdict(VerdictBox::Tone::Caution,
                                     run ? tr("To be imported first") : tr("Cannot be upcycled"), checks);
    }
    if (group == ModelTree::Group::Dense) {
        checks << Check{Mark::Passed, tr("Gated FFN in every layer: adapters fit behind it")};
        checks << Check{Mark::Passed, tr("%n tensor(s): names and shapes match the config", nullptr,
                                         static_cast<int>(facts.tensors))};
    }
    if (facts.tokenizerFile.empty())
        checks << Check{Mark::Failed, tr("No tokenizer: it can be inspected, not tuned")};
    else
        checks << Check{Mark::Passed, tr("Tokenizer: %1").arg(QString::fromStdString(facts.tokenizer))};
    checks << (facts.hasChatTemplate
                   ? Check{Mark::Passed, tr("Chat template: its own")}
                   : Check{Mark::Note, tr("Chat template: none. The PESC format is used; shown in Data")});
    for (const std::string& remark : facts.reasons)
        checks << Check{Mark::Note, QString::fromStdString(remark)};
    const QString title = group == ModelTree::Group::Dense ? tr("Can be upcycled")
                          : group == ModelTree::Group::Mixtures
                              ? tr("A mixture of experts: chat with it or look at its routing")
                              : tr("Adapters: chat with them on their base model");
    m_verdict->setVerdict(VerdictBox::Tone::Good, title, checks);
}

void ModelDetails::fact(const QString& name, const QString& value) {
    if (value.isEmpty()) return;
    const int row = m_facts->rowCount();
    m_facts->addWidget(new ThemedLabel(name, widgets::TextRole::Secondary, Token::Text2), row, 0,
                       Qt::AlignTop);
    auto* label = new ThemedLabel(withNumbers(value), widgets::TextRole::Secondary);
    label->setTextFormat(Qt::RichText);
    label->setAccessibleName(name + QLatin1Char(' ') + value);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_facts->addWidget(label, row, 1);
}

void ModelDetails::showFacts(const engine::ModelInspection& facts) {
    emptyLayout(m_facts);
    const engine::ModelConfig& config = facts.config;
    fact(tr("Architecture"), tr("%1, decoder only").arg(QString::fromStdString(facts.architecture)));
    fact(tr("Layers, hidden, FFN"),
         QStringLiteral("%1, %2, %3")
             .arg(config.layers)
             .arg(withThousands(config.hidden), withThousands(config.intermediate)));
    if (config.moe)
        fact(tr("Experts"), tr("%1, %2 active, adapter size %3, in %4 layers")
                                .arg(config.moe->experts)
                                .arg(config.moe->topK)
                                .arg(config.moe->adapterSize)
                                .arg(config.moe->layers.size()));
    fact(tr("Attention"), attentionText(config));
    fact(tr("Context"), tr("%1 tokens").arg(withThousands(config.maxPositions)));
    fact(tr("Activation, norm"), tr("SiLU gated, RMSNorm %1").arg(shortReal(config.normEps)));
    fact(tr("Vocabulary"),
         tr("%1, %2").arg(withThousands(config.vocabulary),
                          config.tiedEmbeddings ? tr("head tied to the embeddings") : tr("separate head")));
    fact(tr("Weights"), ModelTree::weightsText(facts));
    fact(tr("License"), QString::fromStdString(facts.licence));
    fact(tr("Base"), homePath(QString::fromStdString(facts.base)));
    fact(tr("Files"), tr("%n file(s)", nullptr, static_cast<int>(facts.files)) + QStringLiteral(", ") +
                          tr("%n tensor(s)", nullptr, static_cast<int>(facts.tensors)) +
                          QStringLiteral(", ") + diskText(facts.bytes));
}

void ModelDetails::showShares(const engine::ModelInspection& facts) {
    m_sharesTitle->setText(tr("Where the %1 parameters are").arg(parameterCount(facts.parameters)));
    QVector<widgets::StackBar::Part> parts;
    for (const engine::ParameterShare& share : facts.shares)
        if (share.parameters > 0)
            parts << widgets::StackBar::Part{shareName(share.key), static_cast<double>(share.parameters),
                                             parameterCount(share.parameters)};
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.value > b.value; });
    m_bar->setParts(parts);
    emptyLayout(m_legend);
    constexpr int kLeastWidth = 540, kGap = 20, kPerRow = 3;  // px: the pane in the smallest window
    QVector<LegendItem*> cells;
    int width = 0;
    for (int i = 0; i < parts.size(); ++i) {
        cells << new LegendItem(i, static_cast<int>(parts.size()), parts[i].name, parts[i].text);
        width += cells.back()->sizeHint().width() + kGap;
    }
    // All in one row where they fit, as close as their words; else in columns.
    const int columns = static_cast<int>(cells.size());
    const bool oneRow = width <= kLeastWidth;
    const int perRow = oneRow ? std::max(1, columns) : kPerRow;
    for (int i = 0; i < columns; ++i) {
        m_legend->addWidget(cells[i], i / perRow, i % perRow);
        if (i < perRow)
            m_legend->setColumnMinimumWidth(i, oneRow ? cells[i]->sizeHint().width() + kGap - 8 : 0);
    }
    for (int i = 0; i < std::max(m_legend->columnCount(), columns + 1); ++i)
        m_legend->setColumnStretch(i, oneRow ? int(i == columns) : int(i < kPerRow));
}

void ModelDetails::showUse(const ModelEntry& entry, const QVector<RunEntry>& runs) {
    emptyLayout(m_use);
    QVector<const RunEntry*> users;
    for (const RunEntry& run : runs)
        if (QDir::cleanPath(QString::fromStdString(run.recipe.model.path)) == entry.path) users << &run;
    const bool dense =
        ModelTree::groupOf(entry) == ModelTree::Group::Dense && entry.status == ModelEntry::Status::Ready;
    m_need->setModel(dense ? entry.path : QString());
    m_use->parentWidget()->setVisible(!users.isEmpty());  // else what it needs has the whole width
    if (users.isEmpty()) return;
    m_use->addWidget(new ThemedLabel(tr("Used by"), widgets::TextRole::Section));
    constexpr int kShown = 5;
    for (int i = 0; i < std::min<int>(kShown, static_cast<int>(users.size())); ++i) {
        auto* link = new LinkButton(
            tr("%1, run %2, %3").arg(users[i]->title, users[i]->id, stateText(users[i]->state).toLower()));
        connect(link, &LinkButton::clicked, this, [this, id = users[i]->id] { Q_EMIT runChosen(id); });
        m_use->addWidget(link);
    }
    if (users.size() > kShown)
        m_use->addWidget(new ThemedLabel(tr("and %1 more").arg(users.size() - kShown),
                                         widgets::TextRole::Secondary, Token::Text2));
    m_use->addStretch(1);
}

void ModelDetails::tokenize() {
    if (m_path.isEmpty() || !m_tokenizer->isVisibleTo(this)) return;
    if (m_request) m_engine->cancel(m_request);
    const auto own = std::make_shared<quint64>(0);
    *own = m_request = m_engine->request(
        "tokenize", {{"path", m_path.toStdString()}, {"text", m_text->text().toStdString()}}, this,
        [this, own, path = m_path](const engine::Result<nlohmann::json>& result) {
            if (*own != m_request || path != m_path) return;  // a cancelled one may answer last
            m_request = 0;
            if (!result) {
                m_tokenNote->setText(words(result.error()).what);
                return m_chips->setTokens({}, {});
            }
            QStringList pieces;
            QVector<qint64> ids;
            for (const auto& piece : result->value("pieces", nlohmann::json::array()))
                pieces << visiblePiece(QString::fromStdString(piece.get<std::string>()));
            for (const auto& id : result->value("ids", nlohmann::json::array()))
                ids << id.get<qint64>();
            m_tokenNote->setText(tr("type to try · %n token(s)", nullptr, static_cast<int>(ids.size())));
            m_chips->setTokens(pieces, ids);
        });
}

}  // namespace caravan::ui
