// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool atStart, DecodeOptions options)
    : m_tokenizer(&tokenizer), m_options(options), m_atStart(atStart) {}

std::string StreamDecoder::feed(TokenId id) {
    if (m_options.skipSpecials && m_tokenizer->isSpecial(id)) return {};
    m_pending += m_tokenizer->piece(id);
    if (m_atStart) m_startIds.push_back(id);
    const std::size_t whole = m_pending.size() - utf8::unfinishedTail(m_pending);
    if (whole == 0 || (m_atStart && whole < m_pending.size())) return {};
    std::string text = utf8::lossyPerByte(std::string_view(m_pending).substr(0, whole));
    m_pending.erase(0, whole);
    if (m_atStart) {
        text = m_tokenizer->decode(m_startIds, m_options);
        if (!text.empty()) m_atStart = false;
    }
    return text;
}

std::string StreamDecoder::finish() {
    std::string text = utf8::lossyPerByte(m_pending);
    if (m_atStart && !m_pending.empty()) text = m_tokenizer->decode(m_startIds, m_options);
    m_pending.clear();
    m_startIds.clear();
    return text;
}

}  // namespace caravan::engine
