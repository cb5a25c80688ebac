// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Names while a template runs; what the files of the interpreter share.

#include <utility>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {

inline constexpr int kMaxCallDepth = 1500;  // of nested evaluations, macros included

struct Interpreter::Scope {
    std::map<std::string, Value> variables;
    ScopePtr parent;
};

// A scope of its own for as long as it lives.
class Interpreter::ScopeGuard {
  public:
    explicit ScopeGuard(Interpreter& owner) : ScopeGuard(owner, owner.m_scope) {}
    ScopeGuard(Interpreter& owner, ScopePtr parent) : m_owner(owner), m_before(owner.m_scope) {
        owner.m_scope = std::make_shared<Scope>(Scope{{}, std::move(parent)});
    }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;
    ~ScopeGuard() { m_owner.m_scope = m_before; }

  private:
    Interpreter& m_owner;
    ScopePtr m_before;
};

// One more call; throws when they are nested too deeply.
class Interpreter::CallGuard {
  public:
    explicit CallGuard(Interpreter& owner, int weight = 1) : m_owner(owner), m_weight(weight) {
        owner.m_depth += weight;
        if (owner.m_depth <= kMaxCallDepth) return;
        owner.m_depth -= weight;
        throw Failure("RecursionError", "maximum recursion depth exceeded");
    }
    CallGuard(const CallGuard&) = delete;
    CallGuard& operator=(const CallGuard&) = delete;
    ~CallGuard() { m_owner.m_depth -= m_weight; }

  private:
    Interpreter& m_owner;
    int m_weight;
};

}  // namespace caravan::engine::jinja
