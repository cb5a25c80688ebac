// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <functional>
#include <memory>

// Work of a GPU that is recorded once and launched many times, and the memory that it goes on using.
namespace caravan::engine::train {

// Memory of all graphs of a run. One at a time may be at work: they share it.
class GraphPool {
  public:
    explicit GraphPool(at::Device device);
    ~GraphPool();
    GraphPool(const GraphPool&) = delete;
    GraphPool& operator=(const GraphPool&) = delete;

    // f with a stream of its own as the current one and the pool as source of tensors; before it the current
    // stream's work, after it the current stream goes on.
    void run(const std::function<void()>& f) const;

  private:
    friend class Graph;
    at::Device m_device;
    c10::Stream m_stream;
    std::uint64_t m_pool = 0;
};

// A recorded piece of work.
class Graph {
  public:
    // Records what f launches; nothing runs. Throws where something in f cannot be recorded.
    Graph(const GraphPool& pool, const std::function<void()>& f);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    void launch() const;  // into the current stream

  private:
    at::Device m_device;
    void* m_graph = nullptr;
};

}  // namespace caravan::engine::train
