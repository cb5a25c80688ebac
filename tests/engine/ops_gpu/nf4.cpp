// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/safetensors.h"
#include "tests/engine/ops_gpu/device.h"

// Bit for bit bitsandbytes' codes, scales and values, and the CPU's.
namespace caravan::engine::ops {
namespace {

class Nf4OnGpu : public GpuTest {};

at::Tensor golden(const SafetensorsFile& file, const std::string& name) {
    const TensorInfo* info = file.find(name);
    if (info == nullptr) return {};
    at::Tensor out = at::empty(info->shape, info->dtype == DType::F32    ? at::kFloat
                                            : info->dtype == DType::BF16 ? at::kBFloat16
                                                                         : at::kByte);
    const auto bytes = file.bytes(*info);
    std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
    return out;
}

TEST_F(Nf4OnGpu, GoldenCodesScalesAndValues) {
    const auto file = unwrap(
        SafetensorsFile::open(std::string(CARAVAN_TEST_DATA) + "/bitsandbytes/nf4_golden.safetensors"));
    for (const std::string name : {"m0", "m1", "m2", "f32", "extreme"}) {
        SCOPED_TRACE(name);
        const at::Tensor source = golden(file, name + ".source");
        for (const bool twice : {false, true}) {
            if (twice && name == "extreme") continue;  // bitsandbytes was run with single quantisation only
            const std::string prefix = name + (twice ? ".dq" : "");
            const auto offset =
                twice ? std::optional<double>(golden(file, name + ".dq.offset").item<float>()) : std::nullopt;
            const Nf4 q = quantizeNf4(gpu(source), twice, offset);
            EXPECT_TRUE(sameBits(q.codes, golden(file, name + ".packed")));
            EXPECT_TRUE(sameBits(q.absmax, golden(file, twice ? prefix + ".absmax_u8" : prefix + ".absmax")));
            Guarded out(source.sizes(), source.scalar_type());
            dequantizeNf4(q, source.scalar_type(), out.inner);
            EXPECT_TRUE(out.intact());
            EXPECT_TRUE(sameBits(out.inner, golden(file, prefix + ".dequant")));
        }
    }
}

TEST_F(Nf4OnGpu, TheCpusBitsWithItsOwnOffset) {
    for (const std::int64_t columns : {128, 4096, 66}) {
        const at::Tensor x = values({513, columns}, 1, 0.02).to(at::kBFloat16);
        const Nf4 a = quantizeNf4(x, true), b = quantizeNf4(gpu(x), true);
        EXPECT_EQ(a.offset, b.offset);
        EXPECT_TRUE(sameBits(a.codes, b.codes) && sameBits(a.absmax, b.absmax) &&
                    sameBits(a.nestedAbsmax, b.nestedAbsmax));
        at::Tensor wide = at::empty(x.sizes(), at::kFloat), device = gpu(wide);
        for (const auto stored : {at::kBFloat16, at::kHalf, at::kFloat}) {
            dequantizeNf4(a, stored, wide);
            dequantizeNf4(b, stored, device);
            EXPECT_TRUE(sameBits(wide, device)) << columns << " " << stored;
        }
    }
}

TEST_F(Nf4OnGpu, WritesToAnyAddress) {
    const at::Tensor x = values({32, 66}, 1, 0.02);
    const Nf4 a = quantizeNf4(x, true), b = quantizeNf4(gpu(x), true);
    at::Tensor wide = at::empty(x.sizes(), at::kFloat),
               row = at::full({34, 66}, 5, at::TensorOptions().device(at::kCUDA, 0).dtype(at::kFloat));
    at::Tensor middle = row.narrow(0, 1, 32);  // 264 bytes behind the allocation's begin
    dequantizeNf4(a, at::kFloat, wide);
    dequantizeNf4(b, at::kFloat, middle);
    EXPECT_TRUE(sameBits(middle, wide));
    EXPECT_TRUE((row[0] == 5).all().item<bool>() && (row[33] == 5).all().item<bool>());
}

// Parts of a joined matrix: the bits of each alone; four do not fit one launch.
TEST_F(Nf4OnGpu, SeveralPartsOfOneMatrix) {
    for (const bool twice : {true, false})
        for (const std::vector<std::int64_t>& rows :
             {std::vector<std::int64_t>{64}, {96, 8}, {8, 200, 40}, {16, 16, 16, 16}}) {
            std::vector<Nf4> weights;
            std::vector<const Nf4*> all;
            std::int64_t sum = 0;
            for (const std::int64_t count : rows) {
                weights.push_back(quantizeNf4(gpu(values({count, 192}, static_cast<int>(sum))), twice));
                sum += count;
            }
            for (const Nf4& weight : weights)
                all.push_back(&weight);
            for (const auto type : {at::kBFloat16, at::kFloat}) {
                Guarded joined({sum, 192}, type);
                joined.inner.fill_(std::numeric_limits<double>::quiet_NaN());
                dequantizeNf4(all, at::kBFloat16, joined.inner);
                std::int64_t begin = 0;
                for (const Nf4& weight : weights) {
                    at::Tensor alone = at::empty(weight.shape, joined.inner.options());
                    dequantizeNf4(weight, at::kBFloat16, alone);
                    EXPECT_TRUE(sameBits(joined.inner.narrow(0, begin, weight.shape[0]), alone));
                    begin += weight.shape[0];
                }
                EXPECT_TRUE(joined.intact());
            }
        }
}

TEST_F(Nf4OnGpu, AnInjectedErrorIsSeen) {
    const at::Tensor x = values({64, 128}, 1, 0.02);
    Nf4 a = quantizeNf4(x, true), b = quantizeNf4(gpu(x), true);
    b.codes[11].bitwise_xor_(16);
    at::Tensor wide = at::empty(x.sizes(), at::kFloat), device = gpu(wide);
    dequantizeNf4(a, at::kFloat, wide);
    dequantizeNf4(b, at::kFloat, device);
    EXPECT_FALSE(sameBits(wide, device));
}

}  // namespace
}  // namespace caravan::engine::ops
