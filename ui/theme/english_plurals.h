// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTranslator>

namespace caravan::ui {

// The source texts are English with "(s)" where a plural differs: "%n model(s)". Without a translation file
// this translator chooses the form, so that nobody reads "1 model(s)".
class EnglishPlurals : public QTranslator {
    Q_OBJECT
  public:
    using QTranslator::QTranslator;
    [[nodiscard]] bool isEmpty() const override { return false; }
    [[nodiscard]] QString translate(const char*, const char* source, const char*, int n) const override {
        if (n < 0) return {};
        QString text = QString::fromUtf8(source);
        if (!text.contains(QLatin1String("(s)"))) return {};
        return text.replace(QLatin1String("(s)"), n == 1 ? QString() : QStringLiteral("s"));
    }
};

}  // namespace caravan::ui
