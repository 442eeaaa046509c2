/* The inner loops of a convolution in plain C, and the choice of them. */

#include "convolution.h"

#include <string.h>

#include "cpu.h"

/* Adding 1.5 * 2^23 leaves no room for a fraction: it is rounded to the nearest, half to even. */
static void write_plain(uint8_t *to, const int32_t *sum, const float *scale, int32_t zero, size_t count)
{
    const float low = (float)-zero, high = (float)(255 - zero), shift = 12582912.0f;
    for (size_t i = 0; i < count; i++) {
        float value = (float)sum[i] * scale[i];
        value = value < low ? low : value;
        value = value > high ? high : value;
        to[i] = (uint8_t)((int32_t)((value + shift) - shift) + zero);
    }
}

/* One row of one pixel, in 16 channels. */
static inline void add_row(int32_t *sum, const Convolution *work, const uint8_t *data, const int8_t *weights)
{
    for (size_t i = 0; i < work->steps * FOUR; i++) {
        const int8_t *weight = weights + i / FOUR * FOUR * LANES + i % FOUR;
        const uint8_t *at = data + i * (work->depthwise ? work->channels_in : 1);
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += weight[lane * FOUR] * at[work->depthwise ? lane : 0];
    }
}

static void plain_kernel(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to, size_t count)
{
    const size_t row_size = work->steps * FOUR * LANES, pixel = work->stride * work->channels_in;
    const size_t left = work->channels_out - channel;
    const int8_t *weights = work->weights + channel / LANES * work->rows * row_size;
    for (size_t i = 0; i < count; i++) {
        int32_t sum[LANES];
        memcpy(sum, work->bias + channel, sizeof sum);
        for (size_t row = 0; row < work->rows; row++)
            add_row(sum, work, from[row] + i * pixel, weights + row * row_size);
        write_plain(to + i * work->channels_out, sum, work->scale + channel, work->zero, left < LANES ? left : LANES);
    }
}

Loops loops_of(const Convolution *work, int way)
{
#if defined(__x86_64__)
    if (way >= VECTORS)
        return (way < AVX512_VNNI ? avx2_loops : avx512_loops)(work, way);
#elif defined(__aarch64__)
    if (way >= VECTORS)
        return neon_loops(work, way);
#endif
    (void)way;
    return (Loops){.kernel = plain_kernel, .channels = LANES};
}
