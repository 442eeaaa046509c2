/* Table(x, table): each element of x, uint8 of any shape, looked up in a table of 256 uint8. So int8 networks compute
   whatever is of one value alone, such as an activation between two convolutions, without going through float. 64 are
   looked up at once with AVX-512 VBMI, 32 with AVX2, 16 with NEON. */

#include "cpu.h"
#include "operators.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static size_t by_vbmi(const uint8_t *table, const uint8_t *from,
                                                                             uint8_t *to, size_t count)
{
    const __m512i first = _mm512_loadu_si512(table), second = _mm512_loadu_si512(table + 64);
    const __m512i third = _mm512_loadu_si512(table + 128), fourth = _mm512_loadu_si512(table + 192);
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        __m512i places = _mm512_loadu_si512(from + i);
        __m512i low = _mm512_permutex2var_epi8(first, places, second);
        __m512i high = _mm512_permutex2var_epi8(third, places, fourth);
        _mm512_storeu_si512(to + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(places), low, high));
    }
    return i;
}

/* The steps from one row of 16 to the next: the exclusive or of those up to a row is that row. */
__attribute__((target("avx2"))) static void steps_of(const uint8_t *half, __m256i steps[8])
{
    __m128i before = _mm_setzero_si128();
    for (int row = 0; row < 8; row++) {
        __m128i here = _mm_loadu_si128((const __m128i *)(half + 16 * row));
        steps[row] = _mm256_broadcastsi128_si256(_mm_xor_si128(here, before));
        before = here;
    }
}

/* Looks up places below 128. A shuffle gives 0 for a place that is negative, as one is in the rows after its own once
   16 is taken from it with each row. */
__attribute__((target("avx2"))) static inline __m256i in_half(const __m256i steps[8], __m256i places)
{
    __m256i found = _mm256_shuffle_epi8(steps[0], places);
    for (int row = 1; row < 8; row++) {
        places = _mm256_sub_epi8(places, _mm256_set1_epi8(16));
        found = _mm256_xor_si256(found, _mm256_shuffle_epi8(steps[row], places));
    }
    return found;
}

__attribute__((target("avx2"))) static size_t by_avx2(const uint8_t *table, const uint8_t *from, uint8_t *to,
                                                      size_t count)
{
    __m256i lower[8], upper[8];
    steps_of(table, lower);
    steps_of(table + 128, upper);
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i places = _mm256_loadu_si256((const __m256i *)(from + i));
        __m256i low = in_half(lower, places);
        __m256i high = in_half(upper, _mm256_xor_si256(places, _mm256_set1_epi8(-128)));
        _mm256_storeu_si256((__m256i *)(to + i), _mm256_blendv_epi8(low, high, places));
    }
    return i;
}
#elif defined(__aarch64__)
#include <arm_neon.h>

/* A place of 64 or more is in none of the first rows; once 64 is taken from it with each quarter, it is in its own, and
   those before it, now large, leave what was found. */
static size_t by_neon(const uint8_t *table, const uint8_t *from, uint8_t *to, size_t count)
{
    const uint8x16x4_t first = vld1q_u8_x4(table), second = vld1q_u8_x4(table + 64);
    const uint8x16x4_t third = vld1q_u8_x4(table + 128), fourth = vld1q_u8_x4(table + 192);
    const uint8x16_t quarter = vdupq_n_u8(64);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t places = vld1q_u8(from + i), found = vqtbl4q_u8(first, places);
        found = vqtbx4q_u8(found, second, places = vsubq_u8(places, quarter));
        found = vqtbx4q_u8(found, third, places = vsubq_u8(places, quarter));
        found = vqtbx4q_u8(found, fourth, vsubq_u8(places, quarter));
        vst1q_u8(to + i, found);
    }
    return i;
}
#endif

void look_up(const uint8_t *table, const uint8_t *from, uint8_t *to, size_t count)
{
    size_t done = 0;
#if defined(__x86_64__)
    const int way = best_way();
    if (way != PLAIN)
        done = (way < AVX512_VBMI ? by_avx2 : by_vbmi)(table, from, to, count);
#elif defined(__aarch64__)
    if (best_way() != PLAIN)
        done = by_neon(table, from, to, count);
#endif
    for (size_t i = done; i < count; i++)
        to[i] = table[from[i]];
}

enum { BLOCK = 1 << 15 };

typedef struct {
    const uint8_t *table, *from;
    uint8_t *to;
    size_t count;
} Lookup;

static void look_up_block(void *given, size_t block)
{
    const Lookup *work = given;
    size_t begin = block * BLOCK, left = work->count - begin;
    look_up(work->table, work->from + begin, work->to + begin, left < BLOCK ? left : BLOCK);
}

Status *table(void *kernel, Context *context)
{
    Tensor from, values;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    TRY(input(context, 1, &values));
    if (values.count != 256)
        return error("raypipe.Table: the table must have 256 elements");
    TRY(output(context, from.sides, from.dimensions, &to));
    Lookup work = {values.data, from.data, to, from.count};
    return in_parallel(context, look_up_block, (from.count + BLOCK - 1) / BLOCK, &work);
}
