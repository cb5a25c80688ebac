// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/value.h"

namespace caravan::engine::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
    Constant,  // constant
    Name,      // name
    List,
    Tuple,       // children
    Dictionary,  // children: key, value, key, value, ...
    Attribute,   // children[0].name
    Item,        // children[0][children[1]]
    Slice,       // children: start, stop, step (null = not given); only as an Item's second child
    Call,        // children[0](children[1..], named, *starred, **doubleStarred)
    Filter,      // children[0] | name(children[1..], named); children[0] is null in a filter block
    Test,        // children[0] is name(children[1..], named)
    Negative,
    Positive,
    Not,
    And,
    Or,
    Binary,     // name = the sign; children[0], children[1]
    Concat,     // children
    Compare,    // children[0] signs[0] children[1] signs[1] ...
    Condition,  // children: test, then, else (null = none)
};

struct Expression {
    ExpressionKind kind = ExpressionKind::Constant;
    int line = 0;
    int depth = 1;  // of the tree below
    std::string name;
    Value constant;
    std::vector<ExpressionPtr> children;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    std::vector<std::string> signs;
    ExpressionPtr starred, doubleStarred;
};

// What is assigned to: names (several = unpacking), or object.attribute of a namespace.
struct Target {
    std::vector<std::string> names;
    std::map<std::size_t, Target> nested;  // (b, c) in a, (b, c): by place; its name is ""
    bool unpacks = false;
    std::string attribute;  // with one name
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

enum class StatementKind {
    Data,
    Output,
    If,
    For,
    Set,
    SetBlock,
    Macro,
    CallBlock,
    FilterBlock,
    With,
    Scope,
    Break,
    Continue
};

struct Parameter {
    std::string name;
    ExpressionPtr fallback;  // null = none
};

struct Statement {
    StatementKind kind = StatementKind::Data;
    int line = 0;
    std::string text;  // Data; name of a Macro
    std::vector<ExpressionPtr>
        expressions;  // Output; Set: value; If: one test per body; For: sequence, filter (or null);
                      // CallBlock: the call; FilterBlock and SetBlock: the filter (or null); With: values
    std::vector<Body> bodies;           // If: one per test, then maybe the else; For: body, else; others: one
    std::vector<Target> targets;        // For, Set, SetBlock: one; With: one per value
    std::vector<Parameter> parameters;  // Macro, CallBlock
    bool takesMore = false, takesMoreNamed = false;  // their bodies look at varargs, kwargs
    bool recursive = false;                          // For
    bool seesTemplateOnly = false;                   // Scope: a block without "scoped"
};

}  // namespace caravan::engine::jinja
