/* The inner loops of convolutions by AVX-512 VNNI, AVX2 and plain C. */

#include "convolution.h"

#include <string.h>

#include "cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(what) what##_vnni
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")))
#define INT32S __m512i
#define BYTES __m512i
#define WIDE 16

TARGET static inline __m512i bias_vnni(const int32_t *bias)
{
    return _mm512_loadu_si512(bias);
}

TARGET static inline __m512i dot_vnni(__m512i sum, __m512i data, __m512i weights)
{
    return _mm512_dpbusd_epi32(sum, data, weights);
}

TARGET static inline __m512i spread_vnni(const uint8_t *data)
{
    int32_t four;
    memcpy(&four, data, sizeof four);
    return _mm512_set1_epi32(four);
}

TARGET static inline __m128i sixteen(const void *data)
{
    return _mm_loadu_si128((const __m128i *)data);
}

/* Four times 16 bytes of 16 channels, channel by channel. */
TARGET static inline __m512i gather_vnni(const void *from, size_t pixel)
{
    const uint8_t *data = from;
    const __m512i order = _mm512_set_epi32(0x3f2f1f0f, 0x3e2e1e0e, 0x3d2d1d0d, 0x3c2c1c0c, 0x3b2b1b0b, 0x3a2a1a0a,
                                           0x39291909, 0x38281808, 0x37271707, 0x36261606, 0x35251505, 0x34241404,
                                           0x33231303, 0x32221202, 0x31211101, 0x30201000);
    __m512i pixels = _mm512_castsi128_si512(sixteen(data));
    pixels = _mm512_inserti32x4(pixels, sixteen(data + pixel), 1);
    pixels = _mm512_inserti32x4(pixels, sixteen(data + 2 * pixel), 2);
    pixels = _mm512_inserti32x4(pixels, sixteen(data + 3 * pixel), 3);
    return _mm512_permutexvar_epi8(order, pixels);
}

TARGET static inline void write_vnni(uint8_t *to, __m512i sum, const float *scale, int32_t zero, size_t count)
{
    __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale));
    value = _mm512_max_ps(value, _mm512_set1_ps((float)-zero));
    value = _mm512_min_ps(value, _mm512_set1_ps((float)(255 - zero)));
    __m512i rounded = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(zero));
    _mm_mask_storeu_epi8(to, (__mmask16)((1u << count) - 1), _mm512_cvtepi32_epi8(rounded));
}

#include "convolution_loops.h"

#define NAME(what) what##_avx2
#define TARGET __attribute__((target("avx2")))
#define INT32S __m256i
#define BYTES __m256i
#define WIDE 8

TARGET static inline __m256i bias_avx2(const int32_t *bias)
{
    return _mm256_loadu_si256((const __m256i *)bias);
}

/* Pairs are added in 16 bits: weights have 7. */
TARGET static inline __m256i dot_avx2(__m256i sum, __m256i data, __m256i weights)
{
    __m256i pairs = _mm256_maddubs_epi16(data, weights);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

TARGET static inline __m256i spread_avx2(const uint8_t *data)
{
    int32_t four;
    memcpy(&four, data, sizeof four);
    return _mm256_set1_epi32(four);
}

TARGET static inline __m128i eight(const void *data)
{
    return _mm_loadl_epi64((const __m128i *)data);
}

/* Four times 8 bytes of 8 channels, channel by channel. */
TARGET static inline __m256i gather_avx2(const void *from, size_t pixel)
{
    const uint8_t *data = from;
    __m128i first = _mm_unpacklo_epi8(eight(data), eight(data + pixel));
    __m128i second = _mm_unpacklo_epi8(eight(data + 2 * pixel), eight(data + 3 * pixel));
    return _mm256_set_m128i(_mm_unpackhi_epi16(first, second), _mm_unpacklo_epi16(first, second));
}

TARGET static inline void write_avx2(uint8_t *to, __m256i sum, const float *scale, int32_t zero, size_t count)
{
    __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale));
    value = _mm256_max_ps(value, _mm256_set1_ps((float)-zero));
    value = _mm256_min_ps(value, _mm256_set1_ps((float)(255 - zero)));
    __m256i rounded = _mm256_add_epi32(_mm256_cvtps_epi32(value), _mm256_set1_epi32(zero));
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
    memcpy(to, &bytes, count);
}

#include "convolution_loops.h"
#endif

typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef int8_t Weights __attribute__((vector_size(16)));
typedef int16_t Products __attribute__((vector_size(32)));
typedef int32_t Sums __attribute__((vector_size(64)));

/* One row of one pixel, in 16 channels. */
static inline void add_row(Sums *sum, const Convolution *work, const uint8_t *data, const int8_t *weights)
{
    for (size_t i = 0; i < work->steps * FOUR; i++, weights += LANES) {
        Bytes bytes = data[work->depthwise ? 0 : i] - (Bytes){0};
        Weights weight;
        if (work->depthwise)
            memcpy(&bytes, data + i * work->channels_in, sizeof bytes);
        memcpy(&weight, weights, sizeof weight);
        Products products = __builtin_convertvector(bytes, Products) * __builtin_convertvector(weight, Products);
        *sum += __builtin_convertvector(products, Sums);
    }
}

/* Adding 1.5 * 2^23 leaves no room for a fraction: it is rounded to the nearest, half to even. */
static void write_plain(uint8_t *to, const Sums *sum, const float *scale, int32_t zero, size_t count)
{
    const float low = (float)-zero, high = (float)(255 - zero), shift = 12582912.0f;
    for (size_t i = 0; i < count; i++) {
        float value = (float)(*sum)[i] * scale[i];
        value = value < low ? low : value;
        value = value > high ? high : value;
        to[i] = (uint8_t)((int32_t)((value + shift) - shift) + zero);
    }
}

static void kernel_plain(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                         size_t pixels)
{
    const size_t row_size = work->steps * FOUR * LANES, pixel = work->stride * work->channels_in;
    const size_t left = work->channels_out - channel;
    const int8_t *weights = work->weights + channel / LANES * work->rows * row_size;
    for (size_t i = 0; i < PIXELS && i < pixels; i++) {
        Sums sum;
        memcpy(&sum, work->bias + channel, sizeof sum);
        for (size_t row = 0; row < work->rows; row++)
            add_row(&sum, work, from[row] + i * pixel, weights + row * row_size);
        write_plain(to + i * work->channels_out, &sum, work->scale + channel, work->zero, left < LANES ? left : LANES);
    }
}

Kernel kernel_of(int way)
{
#if defined(__x86_64__)
    if (way != PLAIN)
        return way == VNNI ? kernel_vnni : kernel_avx2;
#endif
    (void)way;
    return kernel_plain;
}

size_t width_of(int way)
{
    return way == AVX2 ? 8 : 16;
}
