// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/result.h"
#include "engine/api/run_events.h"

namespace caravan::engine {

// routing.bin of a run: append-only, each record the sum since the one before, so that any window is a sum of
// records.
//
//   "CVROUTE\n"  8 bytes       magic
//   u32          version (1)   all numbers little-endian
//   u32          N             length of the header
//   N bytes      JSON          {"layers":[],"experts":E,"top_k":k,"domains":[]}, padded with spaces to a
//   multiple of 8 records      of one size   i64 first step, i64 last step, float32
//   values[layers][E][domains][2][2][2], u32 CRC-32 of
//                              what stands before it in the record, u32 0
//
// A tail shorter than a record is a torn write: readers ignore it, the writer cuts it off. A record whose
// first step is not above the last step of earlier records replaces those (a resumed run repeats steps).
struct RoutingShape {
    std::vector<std::int64_t> layers;  // indices of sparse layers
    std::int64_t experts = 0, topK = 0;
    std::vector<std::string> domains;

    [[nodiscard]] std::size_t valueCount() const {
        return layers.size() * static_cast<std::size_t>(experts) * domains.size() * 8;
    }
    [[nodiscard]] Bytes recordBytes() const { return static_cast<Bytes>(valueCount() * sizeof(float)) + 24; }
    friend bool operator==(const RoutingShape&, const RoutingShape&) = default;
};

// Every how many steps a record is written so that the file stays under the limit; each checkpoint writes one
// besides.
inline constexpr Bytes kRoutingFileLimit = Bytes{256} << 20;
[[nodiscard]] StepIndex routingStride(StepIndex steps, Bytes recordBytes, Bytes limit = kRoutingFileLimit);

// One writer per file, one thread. append() is one write() call; sync() is fdatasync.
class RoutingFileWriter {
  public:
    // Creates the file, or opens it and cuts off a torn tail; another shape in it is an error (FileBad).
    [[nodiscard]] static Result<RoutingFileWriter> open(const std::string& path, const RoutingShape& shape);
    RoutingFileWriter(RoutingFileWriter&& other) noexcept;
    RoutingFileWriter& operator=(RoutingFileWriter&& other) noexcept;
    RoutingFileWriter(const RoutingFileWriter&) = delete;
    RoutingFileWriter& operator=(const RoutingFileWriter&) = delete;
    ~RoutingFileWriter();

    [[nodiscard]] Result<void> append(const RoutingRecord& record);
    [[nodiscard]] Result<void> sync();
    [[nodiscard]] const RoutingShape& shape() const { return m_shape; }

  private:
    RoutingFileWriter() = default;
    std::string m_path;
    RoutingShape m_shape;
    int m_fd = -1;
    std::int64_t m_end = 0;  // bytes of header and whole records
};

// May be used while a writer appends. One thread at a time; calls block on the disk only.
class RoutingFileReader {
  public:
    struct Entry {
        StepIndex firstStep = 0, step = 0;
        std::int64_t offset = 0;  // bytes, of the record in the file
    };

    [[nodiscard]] static Result<RoutingFileReader> open(const std::string& path);
    RoutingFileReader(RoutingFileReader&& other) noexcept;
    RoutingFileReader& operator=(RoutingFileReader&& other) noexcept;
    RoutingFileReader(const RoutingFileReader&) = delete;
    RoutingFileReader& operator=(const RoutingFileReader&) = delete;
    ~RoutingFileReader();

    [[nodiscard]] const RoutingShape& shape() const { return m_shape; }
    // Takes in what was appended since; true if anything was.
    [[nodiscard]] Result<bool> refresh();
    // Records in force, ascending by step.
    [[nodiscard]] const std::vector<Entry>& entries() const { return m_entries; }
    [[nodiscard]] Result<RoutingRecord> read(const Entry& entry) const;
    // The newest record whose last step is at most step; nullopt before the first.
    [[nodiscard]] Result<std::optional<RoutingRecord>> at(StepIndex step) const;
    // Sum of the records whose last step lies in [first, last]; nullopt if there is none.
    [[nodiscard]] Result<std::optional<RoutingRecord>> sum(StepIndex first, StepIndex last) const;

  private:
    RoutingFileReader() = default;
    std::string m_path;
    RoutingShape m_shape;
    int m_fd = -1;
    std::int64_t m_end = 0;  // bytes taken in
    std::vector<Entry> m_entries;
};

}  // namespace caravan::engine
