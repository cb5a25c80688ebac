// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

// Archives as torch.save writes them, made byte by byte.
namespace caravan::test {

template <class T>
std::string raw(T value) {
    std::string out(sizeof(T), '\0');
    std::memcpy(out.data(), &value, sizeof(T));
    return out;
}

// A zip with stored members (checksums are left 0: nobody reads them here).
inline std::string zipOf(const std::vector<std::pair<std::string, std::string>>& members,
                         std::uint16_t method = 0) {
    std::string out, directory;
    for (const auto& [name, data] : members) {
        const auto offset = static_cast<std::uint32_t>(out.size());
        const auto size = static_cast<std::uint32_t>(data.size());
        const auto nameBytes = static_cast<std::uint16_t>(name.size());
        const std::string common = raw<std::uint16_t>(0) + raw(method) + raw<std::uint32_t>(0) +
                                   raw<std::uint32_t>(0) + raw(size) + raw(size) + raw(nameBytes);
        out += "PK\3\4" + raw<std::uint16_t>(20) + common + raw<std::uint16_t>(0) + name + data;
        directory += "PK\1\2" + raw<std::uint16_t>(20) + raw<std::uint16_t>(20) + common +
                     raw<std::uint16_t>(0) + raw<std::uint16_t>(0) + raw<std::uint16_t>(0) +
                     raw<std::uint16_t>(0) + raw<std::uint32_t>(0) + raw(offset) + name;
    }
    const auto begin = static_cast<std::uint32_t>(out.size());
    const auto count = static_cast<std::uint16_t>(members.size());
    return out + directory + "PK\5\6" + raw<std::uint32_t>(0) + raw(count) + raw(count) +
           raw(static_cast<std::uint32_t>(directory.size())) + raw(begin) + raw<std::uint16_t>(0);
}

// The pickle opcode that pushes a text.
inline std::string unicode(const std::string& text) {
    return "X" + raw(static_cast<std::uint32_t>(text.size())) + text;
}

struct BinTensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::string bytes;                     // row-major
    std::string storage = "FloatStorage";  // torch's class: of its element type
    std::int64_t elementBytes = 4;
};

// A state dict: one storage per tensor.
inline std::string stateDict(const std::vector<BinTensor>& tensors, const std::string& folder = "archive") {
    const auto integers = [](const std::vector<std::int64_t>& values) {
        std::string out = "(";
        for (const std::int64_t value : values)
            out += "J" + raw(static_cast<std::int32_t>(value));
        return out + "t";
    };
    std::string pickle = "\x80\x02}(";
    std::vector<std::pair<std::string, std::string>> members = {{folder + "/data.pkl", ""},
                                                                {folder + "/byteorder", "little"}};
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const BinTensor& tensor = tensors[i];
        std::vector<std::int64_t> stride(tensor.shape.size(), 1);
        for (std::size_t k = stride.size(); k > 1; --k)
            stride[k - 2] = stride[k - 1] * tensor.shape[k - 1];
        const std::int64_t elements = static_cast<std::int64_t>(tensor.bytes.size()) / tensor.elementBytes;
        pickle += unicode(tensor.name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + unicode("storage") +
                  "ctorch\n" + tensor.storage + "\n" + unicode(std::to_string(i)) + unicode("cpu") + "J" +
                  raw(static_cast<std::int32_t>(elements)) + "tQK" + std::string(1, '\0') +
                  integers(tensor.shape) + integers(stride) + "\x89" + "ccollections\nOrderedDict\n)RtR";
        members.emplace_back(folder + "/data/" + std::to_string(i), tensor.bytes);
    }
    members[0].second = pickle + "u.";
    return zipOf(members);
}

}  // namespace caravan::test
