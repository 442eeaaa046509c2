/* Average(x, settings, scales): the mean of each tile of a picture, by channel, as ONNX Runtime's QLinearAveragePool
   computes it: many are half-way between two numbers, so that each step must be rounded as it does. (Where one tile is
   the whole picture, it adds up otherwise, and rounds some of them otherwise.)

   settings: int32, the height and width of a tile, and the zero points of x and of the output; what is left of a picture
   beside whole tiles is left out. scales: float, those of x and of the output. */

#include "cpu.h"
#include "operators.h"

enum { CHUNK = 64 };

typedef struct {
    const uint8_t *from;
    uint8_t *to;
    const int32_t *settings;
    const float *scales;
    size_t height, width, channels, rows, columns;
} Average;

/* The mean of a tile, for `count` channels. */
static inline __attribute__((always_inline)) void average_tile(const Average *work, const uint8_t *from,
                                                               uint8_t *restrict to, size_t count)
{
    const size_t height = (size_t)work->settings[0], width = (size_t)work->settings[1];
    const float pixels = (float)(height * width), shift = 12582912.0f, result_zero = (float)work->settings[3];
    const float scale = work->scales[0], result_scale = work->scales[1];
    const int32_t zero = work->settings[2];
    float sums[CHUNK] = {0};
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            const uint8_t *restrict pixel = from + (y * work->width + x) * work->channels;
            for (size_t i = 0; i < count; i++)
                sums[i] += (float)(pixel[i] - zero) * scale;
        }
    for (size_t i = 0; i < count; i++) {
        float value = sums[i] / pixels / result_scale + result_zero;
        value = value < 0 ? 0 : value;
        value = value > 255 ? 255 : value;
        to[i] = (uint8_t)(int32_t)((value + shift) - shift);
    }
}

static inline __attribute__((always_inline)) void average_row(const Average *work, size_t row)
{
    const size_t picture = row / work->rows, tile = (size_t)work->settings[1] * work->channels;
    const size_t top = picture * work->height + row % work->rows * (size_t)work->settings[0];
    for (size_t column = 0; column < work->columns; column++) {
        const uint8_t *from = work->from + top * work->width * work->channels + column * tile;
        uint8_t *to = work->to + (row * work->columns + column) * work->channels;
        size_t i = 0;
        for (; i + CHUNK <= work->channels; i += CHUNK)
            average_tile(work, from + i, to + i, CHUNK);
        if (i < work->channels)
            average_tile(work, from + i, to + i, work->channels - i);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512vl"))) static void row_wide(const Average *work, size_t row)
{
    average_row(work, row);
}

__attribute__((target("avx2"))) static void row_avx2(const Average *work, size_t row)
{
    average_row(work, row);
}
#endif

static void average_some(void *given, size_t row)
{
    const Average *work = given;
#if defined(__x86_64__)
    const int way = best_way();
    if (way != PLAIN) {
        (way < AVX512_VNNI ? row_avx2 : row_wide)(work, row);
        return;
    }
#endif
    average_row(work, row);
}

Status *average(void *kernel, Context *context)
{
    Tensor from, settings, scales;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    TRY(input(context, 1, &settings));
    TRY(input(context, 2, &scales));
    const int32_t *given = settings.data;
    if (from.dimensions != 4 || settings.count != 4 || scales.count != 2 || given[0] < 1 || given[1] < 1)
        return error("raypipe.Average: inputs that do not go together");
    const int64_t sides[] = {from.sides[0], from.sides[1] / given[0], from.sides[2] / given[1], from.sides[3]};
    TRY(output(context, sides, 4, &to));
    Average work = {from.data,
                    to,
                    given,
                    scales.data,
                    (size_t)from.sides[1],
                    (size_t)from.sides[2],
                    (size_t)from.sides[3],
                    (size_t)sides[1],
                    (size_t)sides[2]};
    return in_parallel(context, average_some, (size_t)(sides[0] * sides[1]), &work);
}
