// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/dtypes.h"

#include <array>

namespace caravan::engine {
namespace {

struct Row {
    DType type;
    std::int64_t bytes;
    const char* safetensors;
    const char* torch;
};
constexpr std::array kRows = {
    Row{DType::F32, 4, "F32", "float32"},    Row{DType::F16, 2, "F16", "float16"},
    Row{DType::BF16, 2, "BF16", "bfloat16"}, Row{DType::I64, 8, "I64", "int64"},
    Row{DType::I32, 4, "I32", "int32"},      Row{DType::I8, 1, "I8", "int8"},
    Row{DType::U8, 1, "U8", "uint8"},        Row{DType::F64, 8, "F64", "float64"},
    Row{DType::Bool, 1, "BOOL", "bool"},
};

const Row& rowOf(DType type) {
    for (const Row& row : kRows)
        if (row.type == type) return row;
    return kRows[0];
}

}  // namespace

std::int64_t bytesOf(DType type) {
    return rowOf(type).bytes;
}
const char* safetensorsName(DType type) {
    return rowOf(type).safetensors;
}
const char* torchName(DType type) {
    return rowOf(type).torch;
}

std::optional<DType> dtypeFromSafetensors(std::string_view name) {
    for (const Row& row : kRows)
        if (name == row.safetensors) return row.type;
    return std::nullopt;
}

std::optional<DType> dtypeFromTorch(std::string_view name) {
    if (name.starts_with("torch.")) name.remove_prefix(6);
    for (const Row& row : kRows)
        if (name == row.torch) return row.type;
    return std::nullopt;
}

}  // namespace caravan::engine
