// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSize>
#include <QVector>
#include <QWidget>
#include <functional>
#include <memory>

namespace caravan::gallery {

struct Picture {
    const char* name;
    QSize size;
    std::function<std::unique_ptr<QWidget>()> make;
    bool blank = false;  // there is nothing to draw
};
[[nodiscard]] QVector<Picture> usualPictures();
// Nothing, one, very many, not a number.
[[nodiscard]] QVector<Picture> extremePictures();
// Both, of the strips, legends and tables beside charts.
[[nodiscard]] QVector<Picture> stripPictures();

}  // namespace caravan::gallery
