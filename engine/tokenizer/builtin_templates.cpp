// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/builtin_templates.h"

#include <algorithm>

namespace caravan::engine {
namespace {

// A tokenizer may have no bos.
constexpr std::string_view kDefineBos =
    "{% if bos_token is not defined %}{% set bos_token = '' %}{% endif %}";

// Takes a first system message out of the list: `system` and `turns` for what follows.
constexpr std::string_view kTakeSystem =
    "{% if messages and messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set turns = messages[1:] %}{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}";

constexpr std::string_view kPesc =
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{% if m['content'] %}"
    "{{ '### System:\\n' + m['content'] + '\\n' }}{% endif %}{% elif m['role'] == 'user' %}"
    "{{ '### Human:\\n' + m['content'] + '\\n' }}{% elif m['role'] == 'assistant' %}"
    "{{ '### Assistant:\\n' + m['content'] + eos_token }}{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% else %}{{ raise_exception('the role ' + m['role'] + ' is not one of system, user, assistant') }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}"
    "{% if messages and messages[-1]['role'] == 'assistant' %}{{ '\\n' }}{% endif %}"
    "{{ '### Assistant:\\n' }}{% endif %}";

constexpr std::string_view kLlama2 =
    "{% for m in turns %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' }}"
    "{% if loop.first and system %}{{ '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' }}{% endif %}"
    "{{ m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}"
    "{% endfor %}";

constexpr std::string_view kMistral =
    "{{ bos_token }}{% for m in turns %}{% if m['role'] == 'user' %}{{ '[INST] ' }}"
    "{% if loop.first and system %}{{ system + '\\n\\n' }}{% endif %}{{ m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}";

constexpr std::string_view kAlpaca =
    "{{ bos_token }}{{ system if system else 'Below is an instruction that describes a task. Write a "
    "response "
    "that appropriately completes the request.' }}{{ '\\n\\n' }}{% for m in turns %}"
    "{% if m['role'] == 'user' %}{{ '### Instruction:\\n' + m['content'] + '\\n\\n### Response:\\n' }}"
    "{% else %}{{ m['content'] + eos_token }}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt and turns and turns[-1]['role'] == 'assistant' %}"
    "{{ '\\n\\n### Response:\\n' }}{% endif %}";

// END: what ends an answer.
constexpr std::string_view kLlama3 =
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' "
    "+ "
    "m['content'] | trim }}{% if m['role'] == 'assistant' %}{{ END }}{% else %}{{ '<|eot_id|>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
    "{% endif %}";

constexpr std::string_view kChatMl =
    "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ END }}{% else %}{{ '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

// What must stand behind an answer, as a Jinja expression, so that generation ends there.
std::string endOfAnswer(const Tokenizer& tokenizer, std::string_view mark) {
    const auto id = tokenizer.idOf(mark);
    if (!id || !tokenizer.isSpecial(*id)) return "eos_token";
    const auto& stops = tokenizer.eosIds();
    const bool ends = std::find(stops.begin(), stops.end(), *id) != stops.end();
    return "'" + std::string(mark) + "'" + (ends ? "" : " + eos_token");
}

std::string withEnd(std::string_view form, const std::string& end) {
    std::string source = std::string(kDefineBos) + std::string(form);
    source.replace(source.find("END"), 3, end);
    return source;
}

std::string withSystem(std::string_view form) {
    return std::string(kDefineBos) + std::string(kTakeSystem) + std::string(form);
}

}  // namespace

bool isPescTemplate(std::string_view source) {
    return source == std::string(kDefineBos) + std::string(kPesc);
}

std::optional<std::string> builtinTemplate(std::string_view name, const Tokenizer& tokenizer) {
    if (name == "pesc") return std::string(kDefineBos) + std::string(kPesc);
    if (name == "llama2") return withSystem(kLlama2);
    if (name == "mistral") return withSystem(kMistral);
    if (name == "alpaca") return withSystem(kAlpaca);
    if (name == "llama3") return withEnd(kLlama3, endOfAnswer(tokenizer, "<|eot_id|>"));
    if (name == "chatml") return withEnd(kChatMl, endOfAnswer(tokenizer, "<|im_end|>"));
    return std::nullopt;
}

}  // namespace caravan::engine
