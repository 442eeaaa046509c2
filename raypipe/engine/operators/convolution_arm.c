/* The inner loops of a convolution by NEON with dot products (Armv8.2), and with products of matrices (I8MM). Dot products
   are of signed numbers, so 128 is taken from the input here, and the bias gives it back. */

#if defined(__aarch64__)
#include "convolution.h"

#include <arm_neon.h>
#include <string.h>

#include "cpu.h"

#define NAME(what) what##_neon
#define VECTOR(what) what##_neon
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define INT32S int32x4_t
#define BYTES int8x16_t
#define WIDE 4
#define IN_REGISTER "+w"
#define exact_dot_neon dot_neon
#define PIXELS 8
#define WINDOWS 16

TARGET static inline int32x4_t bias_neon(const int32_t *bias)
{
    return vld1q_s32(bias);
}

TARGET static inline int32x4_t dot_neon(int32x4_t sum, int8x16_t data, int8x16_t weights)
{
    return vdotq_s32(sum, data, weights);
}

TARGET static inline int8x16_t four_neon(const int8_t *weights)
{
    return vld1q_s8(weights);
}

TARGET static inline int8x16_t less_128(uint8x16_t data)
{
    return vreinterpretq_s8_u8(veorq_u8(data, vdupq_n_u8(128)));
}

TARGET static inline int8x16_t spread_neon(const uint8_t *data)
{
    uint32_t four;
    memcpy(&four, data, sizeof four);
    return less_128(vreinterpretq_u8_u32(vdupq_n_u32(four)));
}

/* Four times 4 bytes of 4 channels, channel by channel. */
TARGET static inline int8x16_t gather_neon(const uint8_t *data, size_t pixel)
{
    static const uint8_t order[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    uint32_t pixels[FOUR];
    for (size_t i = 0; i < FOUR; i++)
        memcpy(&pixels[i], data + i * pixel, FOUR);
    return less_128(vqtbl1q_u8(vreinterpretq_u8_u32(vld1q_u32(pixels)), vld1q_u8(order)));
}

TARGET static inline int8x16_t slide_neon(int8x16_t near, int8x16_t far, size_t count)
{
    const int32_t bits = 8 * (int32_t)count;
    const uint32x4_t first = vshlq_u32(vreinterpretq_u32_s8(near), vdupq_n_s32(-bits));
    return vreinterpretq_s8_u32(vorrq_u32(first, vshlq_u32(vreinterpretq_u32_s8(far), vdupq_n_s32(32 - bits))));
}

TARGET static inline int32x4_t scale_neon(int32x4_t sum, const float *scale)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scale)));
}

/* Adds the zero point; the instructions limit what they narrow. */
TARGET static inline void pack_neon(uint8_t *to, const int32x4_t *values, int32_t zero)
{
    const int16x8_t zeros = vdupq_n_s16((int16_t)zero);
    int16x8_t low = vcombine_s16(vqmovn_s32(values[0]), vqmovn_s32(values[1]));
    int16x8_t high = vcombine_s16(vqmovn_s32(values[2]), vqmovn_s32(values[3]));
    vst1q_u8(to, vcombine_u8(vqmovun_s16(vqaddq_s16(low, zeros)), vqmovun_s16(vqaddq_s16(high, zeros))));
}

#include "convolution_write.h"

#include "convolution_dense.h"
#include "convolution_depthwise.h"

#undef TARGET

#define TARGET __attribute__((target("arch=armv8.2-a+dotprod+i8mm")))

enum { SUMS = 16 };

/* Adds products of eight bytes each, of eight pixels and eight channels. A vector holds two pixels, two channels, or the
   sums of two channels of two pixels. `near` and `far` are weights of one step and of the next. */
INLINE void multiply_i8mm(int32x4_t sum[SUMS], const uint8x16_t data[4], const int8x16_t near[2], const int8x16_t far[2])
{
    int8x16_t weights[4];
    UNROLLED for (size_t i = 0; i < 2; i++) {
        const int32x4_t one = vreinterpretq_s32_s8(near[i]), other = vreinterpretq_s32_s8(far[i]);
        weights[2 * i] = vreinterpretq_s8_s32(vzip1q_s32(one, other));
        weights[2 * i + 1] = vreinterpretq_s8_s32(vzip2q_s32(one, other));
    }
    UNROLLED for (size_t i = 0; i < SUMS; i++)
        sum[i] = vusmmlaq_s32(sum[i], data[i / 4], weights[i % 4]);
    KEEP(sum, SUMS);
}

INLINE uint8x8_t four_bytes(const uint8_t *data)
{
    uint32_t four;
    memcpy(&four, data, sizeof four);
    return vreinterpret_u8_u32(vdup_n_u32(four));
}

/* Writes sums of eight pixels, in eight channels. */
INLINE void write_i8mm(const Convolution *work, size_t channel, uint8_t *to, size_t count, const int32x4_t sum[SUMS])
{
    int32x4_t sorted[SUMS];
    UNROLLED for (size_t i = 0; i < SUMS; i += 2) {
        const size_t first = i / 4 * 4 + i % 4 / 2; /* of two pixels and two vectors of channels */
        sorted[first] = vcombine_s32(vget_low_s32(sum[i]), vget_low_s32(sum[i + 1]));
        sorted[first + 2] = vcombine_s32(vget_high_s32(sum[i]), vget_high_s32(sum[i + 1]));
    }
    write_neon(work, channel, to, count, sorted, 8, 2);
}

TARGET static void dense_kernel_i8mm(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                     size_t count)
{
    const size_t pixel = work->stride * work->channels_in, block = work->rows * work->steps * LANES * FOUR;
    const int8x16_t none[2] = {vdupq_n_s8(0), vdupq_n_s8(0)};
    for (size_t x = 0; x < count; x += 8) {
        const int8_t *weights = work->weights + channel / LANES * block + channel % LANES * FOUR;
        int32x4_t sum[SUMS];
        UNROLLED for (size_t i = 0; i < SUMS; i++) {
            const int32x2_t bias = vld1_s32(work->bias + channel + i % 4 * 2);
            sum[i] = vcombine_s32(bias, bias);
        }
        for (size_t row = 0; row < work->rows; row++) {
            const uint8_t *at = from[row] + x * pixel;
            uint8x16_t data[4];
            size_t step = 0;
            for (; step + 1 < work->steps; step += 2, at += 2 * FOUR, weights += 2 * LANES * FOUR) {
                const int8x16_t near[2] = {vld1q_s8(weights), vld1q_s8(weights + 16)};
                const int8x16_t far[2] = {vld1q_s8(weights + LANES * FOUR), vld1q_s8(weights + LANES * FOUR + 16)};
                UNROLLED for (size_t i = 0; i < 4; i++)
                    data[i] = vcombine_u8(vld1_u8(at + 2 * i * pixel), vld1_u8(at + (2 * i + 1) * pixel));
                multiply_i8mm(sum, data, near, far);
            }
            if (step == work->steps)
                continue;
            const int8x16_t near[2] = {vld1q_s8(weights), vld1q_s8(weights + 16)};
            UNROLLED for (size_t i = 0; i < 4; i++)
                data[i] = vcombine_u8(four_bytes(at + 2 * i * pixel), four_bytes(at + (2 * i + 1) * pixel));
            multiply_i8mm(sum, data, near, none);
            weights += LANES * FOUR;
        }
        write_i8mm(work, channel, to + x * work->channels_out, count - x, sum);
    }
}

Loops neon_loops(const Convolution *work, int way)
{
    if (work->depthwise)
        return (Loops){.kernel = depthwise_kernel_neon, .channels = 4, .less_128 = 1};
    if (way == VECTORS)
        return (Loops){.kernel = dense_kernel_neon, .channels = 8, .less_128 = 1};
    return (Loops){.kernel = dense_kernel_i8mm, .channels = 8};
}
#endif
