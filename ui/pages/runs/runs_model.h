// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QHash>
#include <QSortFilterProxyModel>

#include "ui/bridge/run_controller.h"
#include "ui/pages/runs/run_facts.h"
#include "ui/project_context.h"

namespace caravan::ui {

// The project's runs, newest first; checked ones are laid over each other. Names and tags can be edited: the
// model asks for it with signals, the project is the truth.
class RunsModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column {
        Check,
        Name,
        State,
        Method,
        Experts,
        TopK,
        AdapterSize,
        LearningRate,
        Steps,
        Loss,
        HeldOut,
        MaxVio,
        Speed,
        Started,
        Tags,
        ColumnCount
    };
    enum Role { SortRole = Qt::UserRole, IdRole, StateRole, CurveRole, DashRole, NoteRole, WarningRole };
    // Of a checked run: its place among them, the focused one first. At most this many.
    static constexpr int kMostChecked = 6;
    explicit RunsModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    void setRuns(const QVector<RunEntry>& runs);
    void setFacts(const QString& id, const RunFacts& facts);
    void setLive(const LiveRun& live);
    void setFocused(const QString& id);  // the run that is drawn in the accent
    void setChecked(const QString& id, bool checked);

    [[nodiscard]] const QVector<RunEntry>& runs() const { return m_runs; }
    [[nodiscard]] const RunEntry* run(const QString& id) const;
    [[nodiscard]] const RunFacts* facts(const QString& id) const;
    [[nodiscard]] static QStringList wordsOf(int column);  // what it may say, for its width; {} = figures
    [[nodiscard]] QStringList checked() const;  // the focused one first, then in the order of the list
    [[nodiscard]] QModelIndex indexOf(const QString& id) const;
    [[nodiscard]] engine::RunState stateOf(const RunEntry& run) const;
    // What the search looks at: name, note, tags, settings.
    [[nodiscard]] QString searchText(int row) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

  Q_SIGNALS:
    void checkedChanged();
    void renamed(const QString& id, const QString& title);
    void tagged(const QString& id, const QStringList& tags);

  private:
    [[nodiscard]] QString nameOf(const RunEntry& run) const;
    [[nodiscard]] QString text(const RunEntry& run, int column) const;
    [[nodiscard]] QVariant sortValue(const RunEntry& run, int column) const;
    void changed(const QString& id);

    QVector<RunEntry> m_runs;
    QHash<QString, RunFacts> m_facts;
    QStringList m_checked;
    QString m_focused;
    LiveRun m_live;
};

// Rows that hold every word of the search and belong to the chosen kind.
class RunsFilter : public QSortFilterProxyModel {
    Q_OBJECT
  public:
    enum class Kind { All, Running, Created, Ended };
    using QSortFilterProxyModel::QSortFilterProxyModel;
    void setWords(const QString& text);
    void setKind(Kind kind);
    [[nodiscard]] static Kind kindOf(engine::RunState state);

  protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

  private:
    QStringList m_words;
    Kind m_kind = Kind::All;
};

}  // namespace caravan::ui
