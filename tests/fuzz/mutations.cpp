// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/mutations.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>

namespace caravan::fuzz {
namespace {

constexpr std::size_t kMostBytes = 1u << 16;
constexpr std::array<std::uint64_t, 14> kEdges = {0,
                                                  1,
                                                  0x7f,
                                                  0xff,
                                                  0x7fff,
                                                  0xffff,
                                                  0x7fffffff,
                                                  0x80000000,
                                                  0xffffffff,
                                                  0x100000000,
                                                  0x7fffffffffffffff,
                                                  0x8000000000000000,
                                                  0xffffffffffffffff,
                                                  100'000'001};
constexpr std::array<const char*, 16> kNumbers = {"0",
                                                  "-1",
                                                  "1",
                                                  "1e309",
                                                  "-0.0",
                                                  "9223372036854775807",
                                                  "-9223372036854775808",
                                                  "18446744073709551616",
                                                  "1e-320",
                                                  "null",
                                                  "true",
                                                  "[]",
                                                  "{}",
                                                  "\"\"",
                                                  "4294967296",
                                                  "0.5"};
constexpr std::array<const char*, 12> kPieces = {"{",        "}",  "[[[[[[[[",     "\"",
                                                 "\\u0000",  "{{", "{%-",          "endfor",
                                                 "\xff\xfe", "\n", "\xed\xa0\x80", "\\ud800"};

}  // namespace

void Mutator::replaceNumber(std::string& bytes) {
    const std::size_t from = below(bytes.size());
    const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    const auto begin = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), digit);
    const auto end = std::find_if_not(begin, bytes.end(), digit);
    if (begin != end) bytes.replace(begin, end, kNumbers[below(kNumbers.size())]);
}

void Mutator::change(std::string& bytes) {
    const std::size_t at = below(bytes.size()),
                      length = 1 + below(std::min<std::size_t>(bytes.size() - at, 64));
    switch (below(bytes.empty() ? 1 : 10)) {
        case 0:
            bytes.insert(at, kPieces[below(kPieces.size())]);
            break;
        case 1:
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
            break;
        case 2:
            bytes[at] = static_cast<char>(m_random());
            break;
        case 3:
            bytes.erase(at, length);
            break;
        case 4:
            bytes.insert(below(bytes.size()), bytes.substr(at, length));
            break;
        case 5: {
            const std::uint64_t value = kEdges[below(kEdges.size())] + below(3) - 1;
            const std::size_t width = std::min<std::size_t>(std::size_t{1} << below(4), bytes.size() - at);
            std::memcpy(bytes.data() + at, &value, width);
            break;
        }
        case 6: {
            const std::string& other = m_seeds[below(m_seeds.size())];
            const std::size_t from = below(other.size());
            bytes.insert(at, other.substr(from, 1 + below(256)));
            break;
        }
        case 7:
            replaceNumber(bytes);
            break;
        case 8:
            bytes.resize(at);
            break;
        default:
            std::swap(bytes[at], bytes[below(bytes.size())]);
    }
}

std::string Mutator::next() {
    std::string bytes = m_seeds[below(m_seeds.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes)
        change(bytes);
    if (bytes.size() > kMostBytes) bytes.resize(kMostBytes);
    return bytes;
}

}  // namespace caravan::fuzz
