/* Gate(x, gate, zeros, scale): each channel of a picture times a number of its own, as ONNX Runtime's QLinearMul does it.

   gate: uint8 (n, 1, 1, channels). zeros: int32, the zero points of x, of the gate and of the output. scale: float, the
   product of both scales by the output's. */

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "operators.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { WIDE = 64, HALF = 32, PART = 1 << 15 };

typedef struct {
    const uint8_t *from;
    uint8_t *to;
    const float *factors; /* of each picture, repeated to `period` */
    const int32_t *zeros;
    float scale;
    size_t size, period, parts;
} Gate;

/* Adding 1.5 * 2^23 leaves no room for a fraction: it is rounded to the nearest, half to even. The compiler makes vectors
   of this, of the kind that its caller may use. */
static inline __attribute__((always_inline)) void multiply(const Gate *work, const uint8_t *restrict from,
                                                           const float *restrict factors, uint8_t *restrict to,
                                                           size_t count)
{
    const float shift = 12582912.0f, scale = work->scale, result_zero = (float)work->zeros[2];
    const int32_t zero = work->zeros[0];
    for (size_t i = 0; i < count; i++) {
        float value = (float)(from[i] - zero) * factors[i] * scale + result_zero;
        value = value < 0 ? 0 : value;
        value = value > 255 ? 255 : value;
        to[i] = (uint8_t)(int32_t)((value + shift) - shift);
    }
}

static inline __attribute__((always_inline)) void run(const Gate *work, const uint8_t *from, const float *factors,
                                                      uint8_t *to, size_t count)
{
    for (size_t done = 0; done < count; done += work->period)
        multiply(work, from + done, factors, to + done, count - done < work->period ? count - done : work->period);
}

#if defined(__x86_64__)
#define WIDE_TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))

/* Sixteen of them, without the limits of uint8. */
WIDE_TARGET static inline __m512i sixteen(const Gate *work, const uint8_t *from, const float *factors)
{
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)from));
    const __m512 centred = _mm512_cvtepi32_ps(_mm512_sub_epi32(bytes, _mm512_set1_epi32(work->zeros[0])));
    const __m512 scaled = _mm512_mul_ps(_mm512_mul_ps(centred, _mm512_loadu_ps(factors)), _mm512_set1_ps(work->scale));
    const __m512 moved = _mm512_add_ps(scaled, _mm512_set1_ps((float)work->zeros[2]));
    return _mm512_cvtps_epi32(_mm512_min_ps(moved, _mm512_set1_ps(255)));
}

WIDE_TARGET static void run_wide(const Gate *work, const uint8_t *from, const float *factors, uint8_t *to, size_t count)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    size_t i = 0, place = 0;
    for (; i + WIDE <= count; i += WIDE, place = place + WIDE < work->period ? place + WIDE : 0) {
        __m512i some[4];
        for (size_t k = 0; k < 4; k++)
            some[k] = sixteen(work, from + i + 16 * k, factors + place + 16 * k);
        const __m512i low = _mm512_packs_epi32(some[0], some[1]), high = _mm512_packs_epi32(some[2], some[3]);
        _mm512_storeu_si512(to + i, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
    }
    multiply(work, from + i, factors + place, to + i, count - i);
}

#define AVX2_TARGET __attribute__((target("avx2")))

/* Eight of them, in the same way. */
AVX2_TARGET static inline __m256i eight(const Gate *work, const uint8_t *from, const float *factors)
{
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
    const __m256 centred = _mm256_cvtepi32_ps(_mm256_sub_epi32(bytes, _mm256_set1_epi32(work->zeros[0])));
    const __m256 scaled = _mm256_mul_ps(_mm256_mul_ps(centred, _mm256_loadu_ps(factors)), _mm256_set1_ps(work->scale));
    const __m256 moved = _mm256_add_ps(scaled, _mm256_set1_ps((float)work->zeros[2]));
    return _mm256_cvtps_epi32(_mm256_min_ps(moved, _mm256_set1_ps(255)));
}

AVX2_TARGET static void run_avx2(const Gate *work, const uint8_t *from, const float *factors, uint8_t *to, size_t count)
{
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    size_t i = 0, place = 0;
    for (; i + HALF <= count; i += HALF, place = place + HALF < work->period ? place + HALF : 0) {
        __m256i some[4];
        for (size_t k = 0; k < 4; k++)
            some[k] = eight(work, from + i + 8 * k, factors + place + 8 * k);
        const __m256i low = _mm256_packs_epi32(some[0], some[1]), high = _mm256_packs_epi32(some[2], some[3]);
        const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
        _mm256_storeu_si256((__m256i *)(to + i), bytes);
    }
    multiply(work, from + i, factors + place, to + i, count - i);
}
#endif

/* A part begins where a period does. */
static void multiply_part(void *given, size_t index)
{
    const Gate *work = given;
    const size_t length = PART / work->period * work->period + work->period, begin = index % work->parts * length;
    const size_t left = work->size - begin, count = left < length ? left : length, picture = index / work->parts;
    const uint8_t *from = work->from + picture * work->size + begin;
    const float *factors = work->factors + picture * work->period;
    uint8_t *to = work->to + picture * work->size + begin;
#if defined(__x86_64__)
    const int way = best_way();
    if (way != PLAIN) {
        (way < AVX512_VNNI ? run_avx2 : run_wide)(work, from, factors, to, count);
        return;
    }
#endif
    run(work, from, factors, to, count);
}

Status *gate(void *kernel, Context *context)
{
    Tensor from, gates, zeros, scale;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    TRY(input(context, 1, &gates));
    TRY(input(context, 2, &zeros));
    TRY(input(context, 3, &scale));
    const size_t pictures = (size_t)from.sides[0], channels = from.dimensions == 4 ? (size_t)from.sides[3] : 0;
    if (!channels || gates.count != pictures * channels || zeros.count != 3 || scale.count != 1)
        return error("raypipe.Gate: inputs that do not go together");
    TRY(output(context, from.sides, 4, &to));
    if (!from.count)
        return NULL;
    size_t period = channels;
    while (period % WIDE)
        period += channels;
    float *factors = malloc(pictures * period * sizeof *factors);
    if (!factors)
        return error("raypipe.Gate: out of memory");
    for (size_t i = 0; i < pictures * period; i++) {
        const uint8_t *of_picture = (const uint8_t *)gates.data + i / period * channels;
        factors[i] = (float)(of_picture[i % period % channels] - ((const int32_t *)zeros.data)[1]);
    }
    const size_t size = from.count / pictures, length = PART / period * period + period;
    const size_t parts = (size + length - 1) / length;
    Gate work = {from.data, to, factors, zeros.data, *(const float *)scale.data, size, period, parts};
    Status *failed = in_parallel(context, multiply_part, pictures * work.parts, &work);
    free(factors);
    return failed;
}
