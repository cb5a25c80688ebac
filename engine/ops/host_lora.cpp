// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/host_lora.h"

#include "engine/ops/host_products.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops::host {
namespace {

constexpr std::int64_t kLeastRows = 4;  // below, packing costs more than it gains

kernels::DropoutMask maskOf(const LoraGroup& group, std::size_t part) {
    RandomKey key = group.key;
    key.site = group.parts[part].site;
    return group.dropout > 0 ? dropoutMask(group.dropout, key) : kernels::DropoutMask{};
}

// Rows of x [T, columns]; kept: the mask's bits [T, ceil(columns / 8)], or undefined.
template <class T>
kernels::MaskedRows<T> rowsOf(const at::Tensor& x, const kernels::DropoutMask& mask,
                              const at::Tensor& kept = {}, bool write = false) {
    kernels::MaskedRows<T> rows;
    rows.source = data<T>(x);
    rows.stride = x.stride(0);
    rows.columns = x.size(1);
    rows.mask = mask;
    if (kept.defined()) rows.kept = {data<std::uint8_t>(kept), write};
    return rows;
}

// Neighbouring columns of y: those of a part, or those between parts.
struct Columns {
    std::int64_t begin, count;
    std::optional<std::size_t> part;
};
std::vector<Columns> columnsOf(std::int64_t out, const LoraGroup& group) {
    std::vector<Columns> all;
    std::int64_t end = 0;
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const LoraPart& part = group.parts[i];
        if (part.begin > end) all.push_back({end, part.begin - end, std::nullopt});
        all.push_back({part.begin, part.b.size(0), i});
        end = part.begin + part.b.size(0);
    }
    if (end < out) all.push_back({end, out - end, std::nullopt});
    return all;
}

// The forward of a block of rows.
template <class T>
class Forward {
  public:
    Forward(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group, at::Tensor& y,
            std::vector<at::Tensor>& h)
        : m_x(x), m_y(y) {
        std::vector<at::Tensor> kept;
        for (const Columns& columns : columnsOf(weight.size(0), group)) {
            Piece piece;
            piece.columns = columns;
            piece.weight = m_rights.addTransposedRows(weight, group.panels, columns.begin, columns.count);
            if (columns.part) {
                const LoraPart& part = group.parts[*columns.part];
                piece.a = m_rights.addTransposed(part.a);
                piece.b = m_rights.addTransposed(part.b, part.scale);
                piece.rank = part.a.size(0);
                h.push_back(at::empty({x.size(0), piece.rank}, x.options()));
                piece.h = data<T>(h.back());
                at::Tensor bits;
                if (group.dropout > 0) {
                    bits = at::empty({x.size(0), kernels::blocksPerRow(x.size(1))},
                                     x.options().dtype(at::kByte));
                    kept.push_back(bits);
                }
                piece.rows = rowsOf<T>(x, maskOf(group, *columns.part), bits, true);
            }
            m_pieces.push_back(piece);
        }
        h.insert(h.end(), kept.begin(), kept.end());
        m_rights.pack(x.options());
    }
    void operator()(std::int64_t begin, std::int64_t end) const {
        const T* x = data<T>(m_x) + begin * m_x.stride(0);
        T* y = data<T>(m_y) + begin * m_y.stride(0);
        for (const Piece& piece : m_pieces) {
            kernels::Factor<T> factors[2] = {m_rights.factor(x, m_x.stride(0), piece.weight)};
            if (piece.columns.part) factors[1] = hidden(piece, begin, end);
            kernels::multiply(
                factors, piece.columns.part ? 2 : 1,
                {y + piece.columns.begin, m_y.stride(0), end - begin, piece.columns.count, false});
        }
    }

  private:
    struct Piece {
        Columns columns;
        std::size_t weight = 0, a = 0, b = 0;
        std::int64_t rank = 0;
        T* h = nullptr;
        kernels::MaskedRows<T> rows;
    };
    // h = drop(x) A^T of the block, as a factor for B^T
    kernels::Factor<T> hidden(const Piece& piece, std::int64_t begin, std::int64_t end) const {
        const T* dropped = piece.rows.source + begin * piece.rows.stride;
        std::int64_t stride = piece.rows.stride;
        if (piece.rows.mask.threshold != 0) {
            stride = piece.rows.columns;
            T* copy = scratch<T>(0, kBlockRows * stride);
            kernels::copyMaskedRows(piece.rows, begin, end, copy);
            dropped = copy;
        }
        T* h = piece.h + begin * piece.rank;
        const auto factor = m_rights.factor(dropped, stride, piece.a);
        kernels::multiply(&factor, 1, {h, piece.rank, end - begin, piece.rank, false});
        return m_rights.factor(h, piece.rank, piece.b);
    }
    const at::Tensor& m_x;
    at::Tensor& m_y;
    Rights<T> m_rights;
    std::vector<Piece> m_pieces;
};

// The backward of a block of rows.
template <class T>
class BackwardInput {
  public:
    BackwardInput(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group, at::Tensor& dx,
                  std::vector<at::Tensor>& dh)
        : m_dy(dy), m_dx(dx), m_masked(group.dropout > 0) {
        if (dx.defined() && weight.defined()) m_weight = m_rights.addPlain(weight, group.panels);
        for (std::size_t i = 0; i < group.parts.size(); ++i) {
            const LoraPart& part = group.parts[i];
            dh.push_back(at::empty({dy.size(0), part.a.size(0)}, dy.options()));
            Piece piece{part.begin, part.a.size(0),     m_rights.addPlain(part.b, part.scale),
                        0,          data<T>(dh.back()), {}};
            if (dx.defined()) {
                piece.a = m_rights.addPlain(part.a);
                piece.rows = rowsOf<T>(dx, maskOf(group, i), part.kept);
            }
            m_pieces.push_back(piece);
        }
        m_rights.pack(dy.options());
    }
    void operator()(std::int64_t begin, std::int64_t end) const {
        const std::int64_t rows = end - begin, stride = m_dy.stride(0);
        const T* dy = data<T>(m_dy) + begin * stride;
        kernels::Factor<T> factors[kernels::kMostFactors];
        int count = 0;
        if (m_weight) factors[count++] = m_rights.factor(dy, stride, *m_weight);
        for (const Piece& piece : m_pieces) {
            T* dh = piece.dh + begin * piece.rank;
            const auto factor = m_rights.factor(dy + piece.begin, stride, piece.b);
            kernels::multiply(&factor, 1, {dh, piece.rank, rows, piece.rank, false});
            if (!m_masked && m_dx.defined()) factors[count++] = m_rights.factor(dh, piece.rank, piece.a);
        }
        if (!m_dx.defined()) return;
        T* dx = data<T>(m_dx) + begin * m_dx.stride(0);
        if (count > 0)
            kernels::multiply(factors, count,
                              {dx, m_dx.stride(0), rows, m_dx.size(1), !m_weight.has_value()});
        if (m_masked) addMaskedParts(begin, end, dx);
    }

  private:
    struct Piece {
        std::int64_t begin, rank;
        std::size_t b, a;
        T* dh;
        kernels::MaskedRows<T> rows;
    };
    void addMaskedParts(std::int64_t begin, std::int64_t end, T* dx) const {
        const std::int64_t columns = m_dx.size(1);
        T* product = scratch<T>(0, kBlockRows * columns);
        for (const Piece& piece : m_pieces) {
            const auto factor = m_rights.factor(piece.dh + begin * piece.rank, piece.rank, piece.a);
            kernels::multiply(&factor, 1, {product, columns, end - begin, columns, false});
            kernels::addMasked(piece.rows, begin, end, product, dx, m_dx.stride(0));
        }
    }
    const at::Tensor& m_dy;
    at::Tensor& m_dx;
    bool m_masked;
    Rights<T> m_rights;
    std::optional<std::size_t> m_weight;
    std::vector<Piece> m_pieces;
};

}  // namespace

bool suitsLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group) {
    if (!suits(x) || x.size(0) < kLeastRows || group.parts.size() >= kernels::kMostFactors) return false;
    std::int64_t end = 0;
    for (const LoraPart& part : group.parts) {
        if (!sameKind(x, part.a) || !sameKind(x, part.b) || part.begin < end) return false;
        if (part.da.defined() && (!sameKind(x, part.da) || !sameKind(x, part.db))) return false;
        end = part.begin + part.b.size(0);
    }
    return !weight.defined() || sameKind(x, weight);
}

at::Tensor linearWithLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& h) {
    const PartScope scope(Part::Products);
    require(weight.size(1) == x.size(1), "linear", "a weight of x's columns", weight);
    at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
    forReal("linear", x, [&](auto type) {
        const Forward<decltype(type)> forward(x, weight, group, y, h);
        parallelBlocks(x.size(0), forward);
    });
    return y;
}

std::vector<at::Tensor> backwardInputWithLora(const at::Tensor& dy, const at::Tensor& weight,
                                              const LoraGroup& group, at::Tensor& dx) {
    const PartScope scope(Part::Products);
    std::vector<at::Tensor> dh;
    forReal("linearBackward", dy, [&](auto type) {
        const BackwardInput<decltype(type)> backward(dy, weight, group, dx, dh);
        parallelBlocks(dy.size(0), backward);
    });
    return dh;
}

void backwardParametersOfLora(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                              const std::vector<at::Tensor>& dh, const LoraGroup& group) {
    forReal("loraBackwardParameters", dy, [&](auto type) {
        using T = decltype(type);
        std::vector<WeightGradient<T>> gradients;
        for (std::size_t i = 0; i < group.parts.size(); ++i) {
            const LoraPart& part = group.parts[i];
            const std::int64_t rank = part.a.size(0), rows = dy.size(0);
            gradients.push_back({data<T>(dh[i]), rank, rank, rowsOf<T>(x, maskOf(group, i), part.kept), 0,
                                 rows, data<T>(part.da), part.da.stride(0)});
            kernels::MaskedRows<T> columns = rowsOf<T>(dy, {});
            columns.source += part.begin;
            columns.columns = part.b.size(0);
            gradients.push_back({data<T>(h[i]), rank, rank, columns, 0, rows, data<T>(part.db),
                                 part.db.stride(0), true, static_cast<T>(part.scale)});
        }
        addWeightGradients(gradients);
    });
}

}  // namespace caravan::engine::ops::host
