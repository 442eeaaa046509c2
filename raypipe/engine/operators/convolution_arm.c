/* The inner loops of a convolution by NEON with dot products (Armv8.2). They are of signed numbers, so 128 is taken from
   the input here, and the bias gives it back. */

#if defined(__aarch64__)
#include "convolution.h"

#include <arm_neon.h>
#include <string.h>

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

Loops neon_loops(const Convolution *work)
{
    if (work->depthwise)
        return (Loops){.kernel = depthwise_kernel_neon, .channels = 4, .less_128 = 1};
    return (Loops){.kernel = dense_kernel_neon, .channels = 8, .less_128 = 1};
}
#endif
