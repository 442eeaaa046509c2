/* Convolution(x, weights, bias, scale, settings): a convolution of a picture, each sum multiplied by the scale of its
   output channel and rounded to uint8, as ONNX Runtime's QLinearConv does it. For few input channels (`depthwise` 0), or
   for one input channel each (1), for which that is slow.

   weights: int8, see convolution.h; those of one sum are at most 64 in magnitude, so that two products fit in 16 bits.
   bias: int32, the zero point of x already taken into account. scale: float. Both have whole blocks of 16 channels.
   settings: int32, see below. */

#include "convolution.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "operators.h"

/* The settings: the kernel's height and width, the stride of both, the padding on each side, the zero points of x and the
   output, the output's channels, and whether each has one input channel of its own. */
enum { HEIGHT, WIDTH, STRIDE, TOP, LEFT, BOTTOM, RIGHT, ZERO, RESULT_ZERO, CHANNELS, DEPTHWISE, SETTINGS };
enum { BAND = 16, MOST_ROWS = 16 };

typedef struct {
    Convolution convolution;
    const int32_t *settings;
    const uint8_t *from;
    uint8_t *to;
    size_t height, width, height_out, width_out, bands, row_size;
    int failed;
} Work;

/* Copies a row of the input between its padding. */
static void fetch(const Work *work, const uint8_t *picture, ptrdiff_t row, uint8_t *to)
{
    const size_t size = work->width * work->convolution.channels_in;
    if (row >= 0 && row < (ptrdiff_t)work->height)
        memcpy(to + (size_t)work->settings[LEFT] * work->convolution.channels_in, picture + (size_t)row * size, size);
    else
        memset(to + (size_t)work->settings[LEFT] * work->convolution.channels_in, work->settings[ZERO], size);
}

static void compute_row(const Work *work, const uint8_t *const *rows, uint8_t *to)
{
    const Convolution *convolution = &work->convolution;
    const int way = best_way();
    const Kernel kernel = kernel_of(way);
    const size_t step = convolution->stride * convolution->channels_in;
    for (size_t x = 0; x < work->width_out; x += PIXELS)
        for (size_t channel = 0; channel < convolution->channels_out; channel += width_of(way)) {
            const uint8_t *from[MOST_ROWS];
            for (size_t i = 0; i < convolution->rows; i++)
                from[i] = rows[i] + x * step + (convolution->depthwise ? channel : 0);
            kernel(convolution, from, channel, to + x * convolution->channels_out + channel, work->width_out - x);
        }
}

/* Some rows of the output; the rows of the input that they need are kept in a ring. */
static void compute_band(void *given, size_t index)
{
    Work *work = given;
    const Convolution *convolution = &work->convolution;
    const size_t first = index % work->bands * BAND, count = convolution->rows;
    const uint8_t *picture = work->from + index / work->bands * work->height * work->width * convolution->channels_in;
    uint8_t *to = work->to + index / work->bands * work->height_out * work->width_out * convolution->channels_out;
    uint8_t *ring = malloc(count * work->row_size);
    if (!ring) {
        work->failed = 1;
        return;
    }
    memset(ring, work->settings[ZERO], count * work->row_size);
    size_t next = first * convolution->stride; /* the first row, of the padded input, that was not fetched */
    for (size_t y = first; y < first + BAND && y < work->height_out; y++) {
        for (; next < y * convolution->stride + count; next++)
            fetch(work, picture, (ptrdiff_t)next - work->settings[TOP], ring + next % count * work->row_size);
        const uint8_t *rows[MOST_ROWS];
        for (size_t i = 0; i < count; i++)
            rows[i] = ring + (y * convolution->stride + i) % count * work->row_size;
        compute_row(work, rows, to + y * work->width_out * convolution->channels_out);
    }
    free(ring);
}

static int sound(const int32_t *settings, const Tensor tensors[5])
{
    const int64_t channels = tensors[0].sides[3], blocks = (settings[CHANNELS] + LANES - 1) / LANES;
    for (int i = 0; i < SETTINGS; i++)
        if (settings[i] < 0 || settings[i] > 1 << 15)
            return 0;
    if (!settings[HEIGHT] || settings[HEIGHT] > MOST_ROWS || !settings[WIDTH] || !settings[STRIDE] || channels < 1)
        return 0;
    if (settings[DEPTHWISE]
            ? settings[STRIDE] != 1 || settings[WIDTH] > 2 * FOUR || channels != settings[CHANNELS] || channels % LANES
            : settings[CHANNELS] % 8)
        return 0;
    const int64_t values = settings[WIDTH] * (settings[DEPTHWISE] ? 1 : channels), steps = (values + FOUR - 1) / FOUR;
    return (int64_t)tensors[1].count == blocks * settings[HEIGHT] * steps * LANES * FOUR &&
           (int64_t)tensors[2].count == blocks * LANES && (int64_t)tensors[3].count == blocks * LANES;
}

Status *convolution(void *kernel, Context *context)
{
    Tensor tensors[5];
    (void)kernel;
    for (size_t i = 0; i < 5; i++)
        TRY(input(context, i, &tensors[i]));
    const int64_t *sides = tensors[0].sides;
    const int32_t *settings = tensors[4].data;
    if (tensors[0].dimensions != 4 || tensors[4].count != SETTINGS || !sound(settings, tensors))
        return error("raypipe.Convolution: inputs that do not go together");
    const int64_t height = sides[1] + settings[TOP] + settings[BOTTOM] - settings[HEIGHT];
    const int64_t width = sides[2] + settings[LEFT] + settings[RIGHT] - settings[WIDTH];
    if (height < 0 || width < 0)
        return error("raypipe.Convolution: a picture smaller than the kernel");
    const int64_t result[] = {sides[0], height / settings[STRIDE] + 1, width / settings[STRIDE] + 1, settings[CHANNELS]};
    uint8_t *to;
    TRY(output(context, result, 4, &to));
    const size_t channels = (size_t)sides[3], values = settings[WIDTH] * (settings[DEPTHWISE] ? 1 : channels);
    Work work = {
        {tensors[1].data, tensors[2].data, tensors[3].data, settings[RESULT_ZERO], settings[DEPTHWISE],
         (size_t)settings[HEIGHT], (values + FOUR - 1) / FOUR, (size_t)settings[STRIDE], channels,
         (size_t)settings[CHANNELS]},
        settings,
        tensors[0].data,
        to,
        (size_t)sides[1],
        (size_t)sides[2],
        (size_t)result[1],
        (size_t)result[2],
        ((size_t)result[1] + BAND - 1) / BAND,
        0,
        0,
    };
    /* Room for the last PIXELS, of which some may not be needed, and the last step. */
    const size_t last = (work.width_out + PIXELS) * work.convolution.stride + (size_t)settings[WIDTH] + 2 * FOUR;
    work.row_size = last * channels + FOUR;
    TRY(in_parallel(context, compute_band, (size_t)sides[0] * work.bands, &work));
    return work.failed ? error("raypipe.Convolution: out of memory") : NULL;
}
