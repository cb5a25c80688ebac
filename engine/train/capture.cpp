// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/capture.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "engine/ops/dispatch.h"

namespace caravan::engine::train {
namespace {

int indexOf(at::Device device) {
    return device.has_index() ? device.index() : 0;
}

kernels::cuda::Stream currentStream(at::Device device) {
    return ops::cudaTable().currentStream(indexOf(device));
}

void follow(const c10::Stream& waiting, const c10::Stream& first) {
    c10::Event event(first.device_type());
    event.record(first);
    event.block(waiting);
}

// Another stream is the current one, behind its work and before what follows.
class OnStream {
  public:
    OnStream(at::Device device, const c10::Stream& stream)
        : m_guard(device.type()), m_before(m_guard.getStream(device)), m_stream(stream) {
        follow(m_stream, m_before);
        m_guard.exchangeStream(m_stream);
    }
    ~OnStream() {
        m_guard.exchangeStream(m_before);
        follow(m_before, m_stream);
    }
    OnStream(const OnStream&) = delete;
    OnStream& operator=(const OnStream&) = delete;

  private:
    c10::impl::VirtualGuardImpl m_guard;
    c10::Stream m_before, m_stream;
};

class FromPool {
  public:
    FromPool(at::Device device, std::uint64_t pool) : m_device(indexOf(device)), m_pool(pool) {
        ops::checkLaunch("graph memory",
                         ops::cudaTable().graphPool.begin(m_device, m_pool, currentStream(device)));
    }
    ~FromPool() { ops::cudaTable().graphPool.end(m_device, m_pool); }
    FromPool(const FromPool&) = delete;
    FromPool& operator=(const FromPool&) = delete;

  private:
    int m_device;
    std::uint64_t m_pool;
};

}  // namespace

GraphPool::GraphPool(at::Device device)
    : m_device(device), m_stream(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device)) {
    ops::checkLaunch("graph memory", ops::cudaTable().graphPool.create(indexOf(device), &m_pool));
}

GraphPool::~GraphPool() {
    ops::cudaTable().graphPool.release(indexOf(m_device), m_pool);
}

void GraphPool::run(const std::function<void()>& f) const {
    const OnStream stream(m_device, m_stream);
    const FromPool memory(m_device, m_pool);
    f();
}

Graph::Graph(const GraphPool& pool, const std::function<void()>& f) : m_device(pool.m_device) {
    const cuda::DecodeTable& table = ops::cudaTable().decode;
    pool.run([&] {
        const kernels::cuda::Stream stream = currentStream(m_device);
        ops::checkLaunch("graph", table.beginCapture(stream));
        try {
            f();
        } catch (...) {
            if (table.endCapture(stream, &m_graph) == 0) table.destroyGraph(m_graph);
            throw;
        }
        ops::checkLaunch("graph", table.endCapture(stream, &m_graph));
    });
}

Graph::~Graph() {
    ops::cudaTable().decode.destroyGraph(m_graph);
}

void Graph::launch() const {
    ops::checkLaunch("graph", ops::cudaTable().decode.launchGraph(m_graph, currentStream(m_device)));
}

}  // namespace caravan::engine::train
