/* The inner loops of a convolution by AVX2, and by AVX2 with AVX-VNNI. */

#if defined(__x86_64__)
#include "convolution.h"

#include <immintrin.h>
#include <string.h>

#include "cpu.h"

#define VECTOR(what) what##_avx2
#define TARGET __attribute__((target("avx2")))
#define INT32S __m256i
#define BYTES __m256i
#define WIDE 8
#define IN_REGISTER "+x"
#define WINDOWS 8

TARGET static inline __m256i bias_avx2(const int32_t *bias)
{
    return _mm256_loadu_si256((const __m256i *)bias);
}

TARGET static inline __m256i four_avx2(const int8_t *weights)
{
    return _mm256_loadu_si256((const __m256i *)weights);
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

TARGET static inline __m256i slide_avx2(__m256i near, __m256i far, size_t count)
{
    const int bits = 8 * (int)count;
    return _mm256_or_si256(_mm256_srli_epi32(near, bits), _mm256_slli_epi32(far, 32 - bits));
}

TARGET static inline __m256i scale_avx2(__m256i sum, const float *scale)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale)));
}

TARGET static inline void pack_avx2(uint8_t *to, const __m256i *values, int32_t zero)
{
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0), zeros = _mm256_set1_epi16((int16_t)zero);
    __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(values[0], values[1]), zeros);
    __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(values[2], values[3]), zeros);
    __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256((__m256i *)to, bytes);
}

#include "convolution_write.h"

#define NAME(what) what##_avx2
#define PIXELS 4

/* Pairs are added in 16 bits: weights have 7. */
TARGET static inline __m256i dot_avx2(__m256i sum, __m256i data, __m256i weights)
{
    __m256i pairs = _mm256_maddubs_epi16(data, weights);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Pairs of which one is zero fit for weights of 8 bits, too. */
TARGET static inline __m256i exact_dot_avx2(__m256i sum, __m256i data, __m256i weights)
{
    const __m256i low = _mm256_set1_epi16(255);
    return dot_avx2(dot_avx2(sum, data, _mm256_and_si256(weights, low)), data, _mm256_andnot_si256(low, weights));
}

#include "convolution_dense.h"
#include "convolution_depthwise.h"

#undef NAME
#undef PIXELS
#undef TARGET

#define NAME(what) what##_avx_vnni
#define TARGET __attribute__((target("avx2,avxvnni")))
#define PIXELS 6
#define exact_dot_avx_vnni dot_avx_vnni
#define gather_avx_vnni gather_avx2
#define slide_avx_vnni slide_avx2

TARGET static inline __m256i dot_avx_vnni(__m256i sum, __m256i data, __m256i weights)
{
    return _mm256_dpbusd_avx_epi32(sum, data, weights);
}

#include "convolution_dense.h"
#include "convolution_depthwise.h"

Loops avx2_loops(const Convolution *work, int way)
{
    if (way == AVX_VNNI && work->depthwise)
        return (Loops){.kernel = depthwise_kernel_avx_vnni, .channels = 8};
    if (way == AVX_VNNI)
        return (Loops){.kernel = dense_kernel_avx_vnni, .channels = 16};
    if (work->depthwise)
        return (Loops){.kernel = depthwise_kernel_avx2, .channels = 8};
    return (Loops){.kernel = dense_kernel_avx2, .channels = 16};
}
#endif
