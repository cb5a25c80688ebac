// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/tensor_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "engine/api/result.h"

namespace caravan::engine {
namespace {

constexpr std::size_t kMaxValues = 10'000'000, kMaxText = 1u << 20, kMaxDepth = 16;

struct Value;
using ValuePtr = std::shared_ptr<Value>;

struct Value {
    enum class Kind {
        None,
        Bool,
        Integer,
        Text,
        Tuple,
        Dict,
        Global,
        Storage,
        Tensor,
        Other
    } kind = Kind::None;
    std::int64_t integer = 0;
    std::size_t depth = 0;                                  // of nested tuples
    std::string text;                                       // Text; Global: "module name"
    std::vector<ValuePtr> items;                            // Tuple (and lists)
    std::vector<std::pair<std::string, ValuePtr>> entries;  // Dict; entries whose key is no text are dropped
    PickledTensor tensor;                                   // Storage, Tensor
};

ValuePtr make(Value::Kind kind) {
    auto value = std::make_shared<Value>();
    value->kind = kind;
    return value;
}

std::optional<DType> storageType(std::string_view name) {
    static const std::map<std::string_view, DType> kTypes = {
        {"torch FloatStorage", DType::F32},     {"torch HalfStorage", DType::F16},
        {"torch BFloat16Storage", DType::BF16}, {"torch LongStorage", DType::I64},
        {"torch IntStorage", DType::I32},       {"torch CharStorage", DType::I8},
        {"torch ByteStorage", DType::U8},       {"torch DoubleStorage", DType::F64},
        {"torch BoolStorage", DType::Bool}};
    const auto found = kTypes.find(name);
    return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

bool knownGlobal(std::string_view name) {
    return storageType(name) || name == "collections OrderedDict" ||
           name == "torch._utils _rebuild_tensor_v2" || name == "torch._utils _rebuild_parameter" ||
           name == "torch Size";
}

// The stack machine of a pickle, without the parts that could run anything.
class Machine {
  public:
    Machine(std::span<const std::byte> bytes, std::string file) : m_bytes(bytes), m_file(std::move(file)) {}

    ValuePtr run() {
        while (true) {
            const auto opcode = byte();
            if (opcode == '.') return pop();
            execute(opcode);
            if (m_stack.size() > kMaxValues || m_memo.size() > kMaxValues) bad("too many values");
        }
    }
    [[noreturn]] void bad(std::string detail) const {
        throw EngineException(ErrorCode::FileBad, {{"file", m_file},
                                                   {"place", fmt::format("data.pkl, byte {}", m_at)},
                                                   {"detail", std::move(detail)}});
    }
    [[noreturn]] void refuse(std::string what) const {
        throw EngineException(ErrorCode::ModelUnsupported,
                              {{"file", m_file},
                               {"detail", std::move(what) + ". Only tensor storage is accepted"},
                               {"supported", "weights as safetensors, or a state dict of tensors"}});
    }

  private:
    std::uint8_t byte() { return read<std::uint8_t>(); }
    template <class T>
    T read() {
        if (m_bytes.size() - m_at < sizeof(T)) bad("it ends in the middle");
        T value;
        std::memcpy(&value, m_bytes.data() + m_at, sizeof(T));
        m_at += sizeof(T);
        return value;
    }
    std::string text(std::size_t size) {
        if (size > kMaxText) bad("a text is too long");
        if (m_bytes.size() - m_at < size) bad("it ends in the middle");
        std::string out(reinterpret_cast<const char*>(m_bytes.data() + m_at), size);
        m_at += size;
        return out;
    }
    std::string line() {
        std::string out;
        for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) {
            out += c;
            if (out.size() > 1000) bad("a name is too long");
        }
        return out;
    }
    void push(ValuePtr value) { m_stack.push_back(std::move(value)); }
    ValuePtr pop() {
        if (m_stack.empty() || !m_stack.back()) bad("its stack is empty");
        ValuePtr value = std::move(m_stack.back());
        m_stack.pop_back();
        return value;
    }
    // What stands above the last mark.
    std::vector<ValuePtr> popMark() {
        std::size_t at = m_stack.size();
        while (at > 0 && m_stack[at - 1])
            --at;
        if (at == 0) bad("a mark is missing");
        std::vector<ValuePtr> items(
            std::make_move_iterator(m_stack.begin() + static_cast<std::ptrdiff_t>(at)),
            std::make_move_iterator(m_stack.end()));
        m_stack.resize(at - 1);
        return items;
    }
    void pushInteger(std::int64_t value) {
        auto out = make(Value::Kind::Integer);
        out->integer = value;
        push(std::move(out));
    }
    void pushText(std::string value) {
        auto out = make(Value::Kind::Text);
        out->text = std::move(value);
        push(std::move(out));
    }
    void pushTuple(std::vector<ValuePtr> items) {
        auto out = make(Value::Kind::Tuple);
        for (const ValuePtr& item : items)
            out->depth = std::max(out->depth, item->depth + 1);
        if (out->depth > kMaxDepth) bad("tuples are nested too deep");
        out->items = std::move(items);
        push(std::move(out));
    }
    void tupleOf(std::size_t count) {
        std::vector<ValuePtr> items(count);
        while (count > 0)
            items[--count] = pop();
        pushTuple(std::move(items));
    }
    void remember(std::uint32_t index) {
        if (m_stack.empty() || !m_stack.back()) bad("its stack is empty");
        m_memo[index] = m_stack.back();
    }
    void recall(std::uint32_t index) {
        const auto found = m_memo.find(index);
        if (found == m_memo.end()) bad("it refers to a value that is not there");
        push(found->second);
    }
    void global(std::string name) {
        if (!knownGlobal(name)) refuse(fmt::format("it calls {}", name.substr(0, 200)));
        auto out = make(Value::Kind::Global);
        out->text = std::move(name);
        push(std::move(out));
    }

    void put(const ValuePtr& dict, const ValuePtr& key, ValuePtr value) const {
        if (dict->kind == Value::Kind::Other) return;
        if (dict->kind != Value::Kind::Dict) bad("an entry is set in what is no dictionary");
        // Only tensors are kept: values then hold no cycles and no depth.
        if (value->kind != Value::Kind::Tensor) value = make(Value::Kind::Other);
        if (key->kind == Value::Kind::Text) dict->entries.emplace_back(key->text, std::move(value));
    }

    // ('storage', type, key, location, elements) -> storage
    void persistent() {
        const ValuePtr id = pop();
        const auto& i = id->items;
        if (id->kind != Value::Kind::Tuple || i.size() != 5 || i[0]->text != "storage" ||
            i[1]->kind != Value::Kind::Global || i[2]->kind != Value::Kind::Text ||
            i[4]->kind != Value::Kind::Integer)
            bad("a storage is not described as torch does");
        const auto type = storageType(i[1]->text);
        if (!type) refuse(fmt::format("it has a storage of {}", i[1]->text));
        auto out = make(Value::Kind::Storage);
        out->tensor.storage = i[2]->text;
        out->tensor.dtype = *type;
        out->tensor.storageElements = i[4]->integer;
        push(std::move(out));
    }

    std::vector<std::int64_t> sizes(const ValuePtr& tuple) const {
        std::vector<std::int64_t> out;
        if (tuple->kind != Value::Kind::Tuple || tuple->items.size() > 16) bad("a shape is no tuple");
        for (const ValuePtr& item : tuple->items) {
            if (item->kind != Value::Kind::Integer || item->integer < 0)
                bad("a shape holds something that is no size");
            out.push_back(item->integer);
        }
        return out;
    }

    void reduce() {
        const ValuePtr arguments = pop(), function = pop();
        if (function->kind != Value::Kind::Global || arguments->kind != Value::Kind::Tuple)
            refuse("it calls something that is no tensor");
        const auto& a = arguments->items;
        if (function->text == "collections OrderedDict") {
            if (!a.empty()) bad("a dictionary is made of something");
            push(make(Value::Kind::Dict));
        } else if (function->text == "torch Size" && a.size() == 1) {
            push(a[0]);
        } else if (function->text == "torch._utils _rebuild_parameter" && !a.empty() &&
                   a[0]->kind == Value::Kind::Tensor) {
            push(a[0]);
        } else if (function->text == "torch._utils _rebuild_tensor_v2" && a.size() >= 4 &&
                   a[0]->kind == Value::Kind::Storage && a[1]->kind == Value::Kind::Integer) {
            auto out = make(Value::Kind::Tensor);
            out->tensor = a[0]->tensor;
            out->tensor.offset = a[1]->integer;
            out->tensor.shape = sizes(a[2]);
            out->tensor.stride = sizes(a[3]);
            push(std::move(out));
        } else {
            bad(fmt::format("{} is called in an unknown way", function->text));
        }
    }

    void setItems() {
        std::vector<ValuePtr> items = popMark();
        const ValuePtr dict = pop();
        if (items.size() % 2 != 0) bad("a dictionary has a key without value");
        for (std::size_t i = 0; i < items.size(); i += 2)
            put(dict, items[i], items[i + 1]);
        push(dict);
    }

    // Python's long: little-endian, two's complement.
    void longInteger() {
        const std::size_t size = byte();
        if (size > 8) bad("a number is too large");
        const std::string digits = text(size);
        std::uint64_t value = size > 0 && (digits.back() & 0x80) ? ~std::uint64_t{0} : 0;
        for (std::size_t i = size; i > 0; --i)
            value = value << 8 | static_cast<std::uint8_t>(digits[i - 1]);
        pushInteger(static_cast<std::int64_t>(value));
    }

    void executeValue(std::uint8_t opcode) {
        switch (opcode) {
            case 'N':
                return push(make(Value::Kind::None));
            case 0x88:
            case 0x89:
                return push(make(Value::Kind::Bool));
            case 'K':
                return pushInteger(byte());
            case 'M':
                return pushInteger(read<std::uint16_t>());
            case 'J':
                return pushInteger(read<std::int32_t>());
            case 0x8a:
                return longInteger();
            case 'G':
                (void)read<std::uint64_t>();
                return push(make(Value::Kind::Other));  // a float
            case 'X':
                return pushText(text(read<std::uint32_t>()));
            case 0x8c:
                return pushText(text(byte()));
            case 'U':
                return pushText(text(byte()));
            case '}':
                return push(make(Value::Kind::Dict));
            case ']':
                return pushTuple({});
            case ')':
                return pushTuple({});
            default:
                refuse(fmt::format("it uses the pickle opcode 0x{:02x}", opcode));
        }
    }

    void execute(std::uint8_t opcode) {
        switch (opcode) {
            case 0x80:
                if (byte() > 5) bad("an unknown protocol");
                return;
            case 0x95:
                (void)read<std::uint64_t>();
                return;  // frame
            case '(':
                return push(nullptr);
            case 't':
                return pushTuple(popMark());
            case 0x85:
                return tupleOf(1);
            case 0x86:
                return tupleOf(2);
            case 0x87:
                return tupleOf(3);
            case 'c': {
                const std::string module = line();
                return global(module + " " + line());
            }
            case 'Q':
                return persistent();
            case 'R':
                return reduce();
            case 'q':
                return remember(byte());
            case 'r':
                return remember(read<std::uint32_t>());
            case 0x94:
                return remember(static_cast<std::uint32_t>(m_memo.size()));
            case 'h':
                return recall(byte());
            case 'j':
                return recall(read<std::uint32_t>());
            case 's': {
                ValuePtr value = pop();
                const ValuePtr key = pop();
                const ValuePtr dict = pop();
                put(dict, key, std::move(value));
                return push(dict);
            }
            case 'u':
                return setItems();
            case 'a': {
                ValuePtr value = pop();
                if (m_stack.empty() || !m_stack.back()) bad("its stack is empty");
                return;
            }
            case 'e': {
                popMark();
                if (m_stack.empty() || !m_stack.back()) bad("its stack is empty");
                return;
            }
            // The state of a dictionary (_metadata) is read and dropped: nothing else can have one here.
            case 'b': {
                (void)pop();
                const ValuePtr object = pop();
                if (object->kind != Value::Kind::Dict) refuse("it sets the state of an object");
                return push(object);
            }
            default:
                return executeValue(opcode);
        }
    }

    std::span<const std::byte> m_bytes;
    std::string m_file;
    std::size_t m_at = 0;
    std::vector<ValuePtr> m_stack;  // null = a mark
    std::map<std::uint32_t, ValuePtr> m_memo;
};

}  // namespace

std::vector<std::pair<std::string, PickledTensor>> readTensorPickle(std::span<const std::byte> bytes,
                                                                    const std::string& file) {
    Machine machine(bytes, file);
    const ValuePtr root = machine.run();
    if (root->kind != Value::Kind::Dict) machine.refuse("it holds no dictionary of tensors");
    std::vector<std::pair<std::string, PickledTensor>> out;
    for (const auto& [key, value] : root->entries) {
        if (value->kind != Value::Kind::Tensor)
            machine.refuse(fmt::format("{} is no tensor", key.substr(0, 200)));
        out.emplace_back(key, value->tensor);
    }
    return out;
}

}  // namespace caravan::engine
