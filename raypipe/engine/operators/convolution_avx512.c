/* The inner loops of a convolution by AVX-512 VNNI, with VBMI or without it, and by AMX. */

#if defined(__x86_64__)
#include "convolution.h"

#include <immintrin.h>
#include <string.h>

#include "cpu.h"

#define VECTOR(what) what##_512
#define NAME(what) what##_vnni
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INT32S __m512i
#define BYTES __m512i
#define WIDE 16
#define IN_REGISTER "+v"
#define PIXELS 8
#define WINDOWS 16
#define exact_dot_vnni dot_vnni

TARGET static inline __m512i bias_512(const int32_t *bias)
{
    return _mm512_loadu_si512(bias);
}

TARGET static inline __m512i four_512(const int8_t *weights)
{
    return _mm512_loadu_si512(weights);
}

TARGET static inline __m512i spread_512(const uint8_t *data)
{
    int32_t four;
    memcpy(&four, data, sizeof four);
    return _mm512_set1_epi32(four);
}

TARGET static inline __m512i scale_512(__m512i sum, const float *scale)
{
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale)));
}

/* Adds the zero point; the instructions limit what they narrow, and leave an order that is mended. */
TARGET static inline void pack_512(uint8_t *to, const __m512i *values, int32_t zero)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i zeros = _mm512_set1_epi16((int16_t)zero);
    __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(values[0], values[1]), zeros);
    __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(values[2], values[3]), zeros);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
}

#include "convolution_write.h"

TARGET static inline __m512i dot_vnni(__m512i sum, __m512i data, __m512i weights)
{
    return _mm512_dpbusd_epi32(sum, data, weights);
}

TARGET static inline __m128i sixteen(const void *data)
{
    return _mm_loadu_si128((const __m128i *)data);
}

/* Four pixels of 16 channels. */
TARGET static inline __m512i four_pixels(const void *from, size_t pixel)
{
    const uint8_t *data = from;
    __m512i pixels = _mm512_castsi128_si512(sixteen(data));
    pixels = _mm512_inserti32x4(pixels, sixteen(data + pixel), 1);
    pixels = _mm512_inserti32x4(pixels, sixteen(data + 2 * pixel), 2);
    return _mm512_inserti32x4(pixels, sixteen(data + 3 * pixel), 3);
}

/* Four times 16 bytes of 16 channels, channel by channel. */
TARGET static inline __m512i gather_vnni(const void *from, size_t pixel)
{
    const __m512i fours = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i order = _mm512_broadcast_i32x4(_mm_set_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400));
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(fours, four_pixels(from, pixel)), order);
}

/* Windows that begin `count` bytes behind those of `near`. */
TARGET static inline __m512i slide_vnni(__m512i near, __m512i far, size_t count)
{
    const unsigned bits = 8 * (unsigned)count;
    return _mm512_or_si512(_mm512_srli_epi32(near, bits), _mm512_slli_epi32(far, 32 - bits));
}

#include "convolution_dense.h"
#include "convolution_depthwise.h"

enum { EIGHT = 8 };

/* Writes sums of eight pixels, two in each vector, of the last eight channels. */
TARGET static inline void write_last_eight(const Convolution *work, uint8_t *to, size_t count, const __m512i sum[4],
                                           const float *scale)
{
    uint8_t bytes[64];
    __m512i scaled[4];
    for (size_t i = 0; i < 4; i++)
        scaled[i] = scale_512(sum[i], scale);
    pack_512(bytes, scaled, work->zero);
    for (size_t i = 0; i < EIGHT && i < count; i++)
        memcpy(to + i * work->channels_out, bytes + 8 * i, 8);
}

/* The last 24 channels: two pixels share a vector for eight of them. */
TARGET static void last_24_vnni(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                size_t count)
{
    const size_t pixel = work->stride * work->channels_in, block = work->rows * work->steps * LANES * FOUR;
    int32_t bias[LANES];
    float scale[LANES];
    for (size_t i = 0; i < LANES; i++)
        bias[i] = work->bias[channel + LANES + i % 8], scale[i] = work->scale[channel + LANES + i % 8];
    for (size_t x = 0; x < count; x += EIGHT) {
        const int8_t *weights = work->weights + channel / LANES * block;
        __m512i sum[EIGHT], shared[EIGHT / 2];
        for (size_t i = 0; i < EIGHT; i++)
            sum[i] = bias_512(work->bias + channel), shared[i / 2] = bias_512(bias);
        for (size_t row = 0; row < work->rows; row++)
            for (size_t step = 0; step < work->steps; step++, weights += LANES * FOUR) {
                const __m512i first = four_512(weights);
                const __m512i second = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(weights + block)));
                const uint8_t *at = from[row] + x * pixel + FOUR * step;
                for (size_t i = 0; i < EIGHT; i += 2) {
                    const __m512i one = spread_512(at + i * pixel), other = spread_512(at + (i + 1) * pixel);
                    sum[i] = dot_vnni(sum[i], one, first);
                    sum[i + 1] = dot_vnni(sum[i + 1], other, first);
                    shared[i / 2] = dot_vnni(shared[i / 2], _mm512_mask_blend_epi32(0xff00, one, other), second);
                }
                KEEP(sum, EIGHT);
                KEEP(shared, EIGHT / 2);
            }
        write_512(work, channel, to + x * work->channels_out, count - x, sum, EIGHT, 1);
        write_last_eight(work, to + x * work->channels_out + LANES, count - x, shared, scale);
    }
}

TARGET static void any_dense_vnni(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                  size_t count)
{
    (work->channels_out - channel == 24 ? last_24_vnni : dense_kernel_vnni)(work, from, channel, to, count);
}

#undef NAME
#undef TARGET

#define NAME(what) what##_vbmi
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni")))
#define dot_vbmi dot_vnni
#define exact_dot_vbmi dot_vnni

TARGET static inline __m512i gather_vbmi(const void *from, size_t pixel)
{
    const __m512i order = _mm512_set_epi32(0x3f2f1f0f, 0x3e2e1e0e, 0x3d2d1d0d, 0x3c2c1c0c, 0x3b2b1b0b, 0x3a2a1a0a,
                                           0x39291909, 0x38281808, 0x37271707, 0x36261606, 0x35251505, 0x34241404,
                                           0x33231303, 0x32221202, 0x31211101, 0x30201000);
    return _mm512_permutexvar_epi8(order, four_pixels(from, pixel));
}

TARGET static inline __m512i slide_vbmi(__m512i near, __m512i far, size_t count)
{
    return _mm512_shrdv_epi32(near, far, _mm512_set1_epi32(8 * (int)count));
}

#include "convolution_depthwise.h"

#undef TARGET

/* Tiles have 16 rows: sums of 16 channels, bytes of as many steps as fit, or weights of 16 channels. */
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,amx-tile,amx-int8")))

typedef struct {
    uint8_t palette, start, unused[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} Tiles;

/* The steps of a row that are in a tile: at most 16, and none is left over. */
static size_t depth_of(const Convolution *work)
{
    size_t tiles = (work->steps + 15) / 16;
    while (work->steps % tiles)
        tiles++;
    return work->steps / tiles;
}

TARGET static void begin_amx(const Convolution *work, Setup *before)
{
    const size_t depth = depth_of(work);
    Tiles tiles = {.palette = 1};
    for (size_t i = 0; i < 8; i++) { /* 0 to 3 are sums, 4 and 5 data, 6 and 7 weights */
        tiles.rows[i] = (uint8_t)(i < 6 ? 16 : depth);
        tiles.bytes[i] = (uint16_t)(i == 4 || i == 5 ? FOUR * depth : 64);
    }
    __asm__ volatile("" : : "r"(&tiles) : "memory"); /* GCC 12 does not see that all of it is read */
    _tile_storeconfig(before);
    _tile_loadconfig(&tiles);
}

/* ONNX Runtime keeps its own setup from one operator to the next. */
TARGET static void end_amx(const Setup *before)
{
    _tile_loadconfig(before);
}

/* Writes sums of four pixels, of 16 channels each, and of as many more if `second` has them. */
TARGET static void write_amx(const Convolution *work, size_t channel, uint8_t *to, size_t count, const int32_t *first,
                             const int32_t *second)
{
    __m512i one[4], two[8];
    for (size_t i = 0; i < 4; i++) {
        one[i] = two[2 * i] = bias_512(first + i * LANES);
        two[2 * i + 1] = second ? bias_512(second + i * LANES) : one[i];
    }
    if (second)
        write_512(work, channel, to, count, two, 4, 2);
    else
        write_512(work, channel, to, count, one, 4, 1);
}

/* Computes 32 pixels of 16 channels, or of 32, whose weights are `far` behind. */
TARGET static void multiply_amx(const Convolution *work, const uint8_t *const *from, size_t x, size_t channel,
                                size_t far, int32_t sums[4][LANES * 16])
{
    const size_t depth = depth_of(work), size = work->rows * work->steps * LANES * FOUR;
    const size_t pixel = work->stride * work->channels_in;
    const int8_t *weights = work->weights + channel / LANES * size;
    const int32_t *bias = work->bias + channel, *second = far ? bias + LANES : bias;
    _tile_loadd(0, bias, 0);
    _tile_loadd(1, second, 0);
    _tile_loadd(2, bias, 0);
    _tile_loadd(3, second, 0);
    for (size_t row = 0; row < work->rows; row++)
        for (size_t step = 0; step < work->steps; step += depth, weights += depth * LANES * FOUR) {
            const uint8_t *data = from[row] + x * pixel + FOUR * step;
            _tile_loadd(6, weights, LANES * FOUR);
            _tile_loadd(4, data, pixel);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(5, data + 16 * pixel, pixel);
            _tile_dpbusd(2, 5, 6);
            if (far) {
                _tile_loadd(7, weights + far, LANES * FOUR);
                _tile_dpbusd(1, 4, 7);
                _tile_dpbusd(3, 5, 7);
            }
        }
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
}

TARGET static void dense_kernel_amx(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                    size_t count)
{
    const size_t size = work->rows * work->steps * LANES * FOUR;
    const size_t far = channel + LANES < work->channels_out ? size : 0;
    int32_t sums[4][LANES * 16] __attribute__((aligned(64)));
    for (size_t x = 0; x < count; x += 4) {
        if (x % MOST_PIXELS == 0)
            multiply_amx(work, from, x, channel, far, sums);
        const int32_t *first = sums[x % MOST_PIXELS / 16 * 2] + x % 16 * LANES;
        write_amx(work, channel, to + x * work->channels_out, count - x, first, far ? first + 16 * LANES : NULL);
    }
}

Loops avx512_loops(const Convolution *work, int way)
{
    if (work->depthwise)
        return (Loops){.kernel = way == AVX512_VNNI ? depthwise_kernel_vnni : depthwise_kernel_vbmi, .channels = 16};
    if (way == AMX)
        return (Loops){dense_kernel_amx, 32, 0, begin_amx, end_amx};
    return (Loops){.kernel = any_dense_vnni, .channels = 32};
}
#endif
