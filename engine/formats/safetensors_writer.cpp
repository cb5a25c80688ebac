// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/formats/dtypes.h"
#include "engine/formats/safetensors.h"

namespace caravan::engine {

struct SafetensorsWriter::State {
    std::filesystem::path path;
    std::vector<TensorSpec> tensors;
    std::vector<std::int64_t> sizes;  // bytes of each tensor
    std::size_t current = 0;          // tensor being written
    std::int64_t written = 0;         // bytes of it
    Bytes total = 0;                  // bytes of the file so far
    int fd = -1;
    bool finished = false;

    ~State() {
        if (fd < 0) return;
        removeUnfinished();
        ::close(fd);
    }

    // A device that was written to ("/dev/full") is no file of ours.
    void removeUnfinished() const {
        struct stat status {};
        if (!finished && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) ::unlink(path.c_str());
    }

    [[nodiscard]] tl::unexpected<Error> failed(int error) const {
        return fail(
            ErrorCode::WriteFailed,
            {{"path", path.string()}, {"bytes", std::to_string(total)}, {"detail", std::strerror(error)}});
    }

    Result<void> put(const void* data, std::size_t size) {
        const char* at = static_cast<const char*>(data);
        while (size > 0) {
            const ssize_t n = ::write(fd, at, std::min<std::size_t>(size, 1u << 30));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failed(n < 0 ? errno : ENOSPC);
            at += n;
            size -= static_cast<std::size_t>(n);
            total += n;
        }
        return {};
    }

    // Tensors without bytes need no call of write().
    void skipFull() {
        while (current < tensors.size() && written == sizes[current]) {
            ++current;
            written = 0;
        }
    }
};

namespace {

std::string headerOf(const std::vector<TensorSpec>& tensors, const std::vector<std::int64_t>& sizes,
                     const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        header[tensors[i].name] = {{"dtype", safetensorsName(tensors[i].dtype)},
                                   {"shape", tensors[i].shape},
                                   {"data_offsets", {begin, begin + sizes[i]}}};
        begin += sizes[i];
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begin at a multiple of 8
    return text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<State> state) : m_state(std::move(state)) {}
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&&) noexcept = default;
SafetensorsWriter& SafetensorsWriter::operator=(SafetensorsWriter&&) noexcept = default;
SafetensorsWriter::~SafetensorsWriter() = default;

Result<SafetensorsWriter> SafetensorsWriter::create(const std::filesystem::path& path,
                                                    std::vector<TensorSpec> tensors,
                                                    const std::map<std::string, std::string>& metadata) {
    auto state = std::make_unique<State>();
    state->path = path;
    std::map<std::string_view, int> seen;
    for (const TensorSpec& tensor : tensors) {
        if (seen[tensor.name]++ > 0)
            return fail(ErrorCode::Internal,
                        {{"detail", fmt::format("tensor {} is to be written twice", tensor.name)}});
        std::int64_t bytes = bytesOf(tensor.dtype);
        for (std::int64_t size : tensor.shape)
            if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
                return fail(ErrorCode::Internal,
                            {{"detail", fmt::format("tensor {} has the shape {}", tensor.name,
                                                    shapeText(tensor.shape))}});
        state->sizes.push_back(bytes);
    }
    const std::string header = headerOf(tensors, state->sizes, metadata);
    state->tensors = std::move(tensors);
    state->fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (state->fd < 0) return state->failed(errno);
    const std::uint64_t length = header.size();
    if (auto done = state->put(&length, 8); !done) return tl::unexpected(done.error());
    if (auto done = state->put(header.data(), header.size()); !done) return tl::unexpected(done.error());
    state->skipFull();
    return SafetensorsWriter(std::move(state));
}

Result<void> SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
    State& s = *m_state;
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (size == 0) return {};
    if (s.current >= s.tensors.size() || s.tensors[s.current].name != name)
        return fail(ErrorCode::Internal,
                    {{"detail", fmt::format("tensor {} is not the one whose turn it is", name)}});
    if (size > s.sizes[s.current] - s.written)
        return fail(ErrorCode::Internal, {{"detail", fmt::format("tensor {} gets {} bytes too many", name,
                                                                 size - (s.sizes[s.current] - s.written))}});
    if (auto done = s.put(bytes.data(), bytes.size()); !done) return done;
    s.written += size;
    s.skipFull();
    return {};
}

Result<Bytes> SafetensorsWriter::finish(Sync sync) {
    State& s = *m_state;
    if (s.current < s.tensors.size())
        return fail(ErrorCode::Internal,
                    {{"detail", fmt::format("tensor {} is not complete", s.tensors[s.current].name)}});
    if (sync == Sync::Yes && ::fsync(s.fd) != 0) return s.failed(errno);
    const int fd = s.fd;
    s.fd = -1;
    if (::close(fd) != 0) {
        const int error = errno;
        ::unlink(s.path.c_str());
        return s.failed(error);
    }
    s.finished = true;
    return s.total;
}

}  // namespace caravan::engine
