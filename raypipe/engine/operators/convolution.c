/* Convolution(x, weights, bias, scale, settings, table): a convolution of a picture, each sum multiplied by the scale of
   its output channel and rounded to uint8, as ONNX Runtime's QLinearConv does it, of all input channels (`depthwise` 0),
   or of one input channel each (1).

   weights: int8, see convolution.h. AVX2 adds two products in 16 bits, as ONNX Runtime does, too: where sums of two can
   be larger, by weights above 64, it gives the largest that fits. Depthwise ones of up to four pixels take all weights.
   bias: int32, the zero point of x already taken into account. scale: float, below 1. Both have whole blocks of 16
   channels. settings: int32, see below. table: what the results are looked up in, as by Table; may be missing. */

#include "convolution.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "operators.h"

/* The settings: the kernel's height and width, the stride of both, the padding on each side, the zero points of x and the
   output, the output's channels, and whether each has one input channel of its own. */
enum { HEIGHT, WIDTH, STRIDE, TOP, LEFT, BOTTOM, RIGHT, ZERO, RESULT_ZERO, CHANNELS, DEPTHWISE, SETTINGS };
enum { BAND = 16, FLAT = 288, STRIP = 32, MOST_ROWS = 16 };

typedef struct Work {
    Convolution convolution;
    const int32_t *settings;
    const uint8_t *table, *from;
    uint8_t *to;
    size_t pictures, height, width, height_out, width_out, bands, row_size, pixels;
    void (*part)(struct Work *work, size_t index);
    Loops loops;
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

/* Neighbouring pixels of the output. `rows` are those of the input at the first of them. A depthwise one takes a strip
   after the other, whose channels are still near when the next of them are read. */
static void compute_row(const Work *work, const uint8_t *const *rows, uint8_t *to, size_t count)
{
    const Convolution *convolution = &work->convolution;
    const size_t pixel = convolution->stride * convolution->channels_in, strip = convolution->depthwise ? STRIP : count;
    for (size_t x = 0; x < count; x += strip)
        for (size_t channel = 0; channel < convolution->channels_out; channel += work->loops.channels) {
            const uint8_t *from[MOST_ROWS];
            for (size_t i = 0; i < convolution->rows; i++)
                from[i] = rows[i] + x * pixel + (convolution->depthwise ? channel : 0);
            uint8_t *at = to + x * convolution->channels_out + channel;
            work->loops.kernel(convolution, from, channel, at, count - x < strip ? count - x : strip);
        }
    if (work->table)
        look_up(work->table, to, to, count * convolution->channels_out);
}

/* Some pixels of a convolution of single ones: all pictures are one long row. Whatever number a kernel computes at once,
   FLAT is a multiple of it, so that only at the row's end more is read: that is copied to where there is more. */
static void compute_flat(Work *work, size_t index)
{
    const size_t size = work->convolution.channels_in, first = index * FLAT, last = work->pixels - first;
    const size_t count = last < FLAT ? last : FLAT, copied = last > FLAT ? 0 : count < MOST_PIXELS ? count : MOST_PIXELS;
    const uint8_t *from = work->from + first * size;
    uint8_t *to = work->to + first * work->convolution.channels_out;
    compute_row(work, &from, to, count - copied);
    if (!copied)
        return;
    uint8_t *end = calloc(2 * MOST_PIXELS, size);
    if (!end) {
        work->failed = 1;
        return;
    }
    memcpy(end, from + (count - copied) * size, copied * size);
    const uint8_t *last_row = end;
    compute_row(work, &last_row, to + (count - copied) * work->convolution.channels_out, copied);
    free(end);
}

/* Some rows of the output; the rows of the input that they need are kept in a ring. */
static void compute_band(Work *work, size_t index)
{
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
        compute_row(work, rows, to + y * work->width_out * convolution->channels_out, work->width_out);
    }
    free(ring);
}

static void compute(void *given, size_t index)
{
    Work *work = given;
    Setup before;
    if (work->loops.begin)
        work->loops.begin(&work->convolution, &before);
    work->part(work, index);
    if (work->loops.end)
        work->loops.end(&before);
}

/* What to add to the sums of each channel of which the input lacks 128. */
static int32_t *raised(const Convolution *convolution, size_t blocks)
{
    const size_t size = convolution->rows * convolution->steps * LANES * FOUR;
    int32_t *bias = malloc(blocks * LANES * sizeof *bias);
    if (!bias)
        return NULL;
    memcpy(bias, convolution->bias, blocks * LANES * sizeof *bias);
    for (size_t i = 0; i < blocks * size; i++)
        bias[i / size * LANES + i / FOUR % LANES] += 128 * convolution->weights[i];
    return bias;
}

/* Whether each pixel of the output is of one of the input. */
static int is_flat(const int32_t *settings)
{
    int flat = !settings[DEPTHWISE];
    for (int i = HEIGHT; i <= RIGHT; i++)
        flat &= settings[i] == (i <= STRIDE);
    return flat;
}

static int sound(const int32_t *settings, const Tensor tensors[6])
{
    const int64_t channels = tensors[0].sides[3], blocks = (settings[CHANNELS] + LANES - 1) / LANES;
    for (int i = 0; i < SETTINGS; i++)
        if (settings[i] < 0 || settings[i] > 1 << 15)
            return 0;
    if (!settings[HEIGHT] || settings[HEIGHT] > MOST_ROWS || !settings[WIDTH] || !settings[STRIDE] || channels < 1)
        return 0;
    if (settings[DEPTHWISE]
            ? settings[STRIDE] > 2 || settings[STRIDE] * settings[WIDTH] > 2 * FOUR || channels != settings[CHANNELS] ||
                  channels % LANES
            : settings[CHANNELS] % 8)
        return 0;
    if (tensors[5].data && tensors[5].count != 256)
        return 0;
    const int64_t values = settings[WIDTH] * (settings[DEPTHWISE] ? 1 : channels), steps = (values + FOUR - 1) / FOUR;
    return (int64_t)tensors[1].count == blocks * settings[HEIGHT] * steps * LANES * FOUR &&
           (int64_t)tensors[2].count == blocks * LANES && (int64_t)tensors[3].count == blocks * LANES;
}

/* Computes all parts, in the threads of the session. */
static Status *run(Context *context, Work *work, size_t blocks)
{
    const size_t parts = work->part == compute_flat ? (work->pixels + FLAT - 1) / FLAT : work->pictures * work->bands;
    int32_t *bias = NULL;
    if (work->loops.less_128) {
        bias = raised(&work->convolution, blocks);
        work->failed = !bias;
        work->convolution.bias = bias;
    }
    Status *failed = work->failed ? NULL : in_parallel(context, compute, parts, work);
    free(bias);
    return failed || !work->failed ? failed : error("raypipe.Convolution: out of memory");
}

Status *convolution(void *kernel, Context *context)
{
    Tensor tensors[6];
    (void)kernel;
    for (size_t i = 0; i < 6; i++)
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
        tensors[5].data,
        tensors[0].data,
        to,
        (size_t)sides[0],
        (size_t)sides[1],
        (size_t)sides[2],
        (size_t)result[1],
        (size_t)result[2],
        ((size_t)result[1] + BAND - 1) / BAND,
        0,
        (size_t)(sides[0] * sides[1] * sides[2]),
        is_flat(settings) && channels % FOUR == 0 ? compute_flat : compute_band,
        {0},
        0,
    };
    /* Room for the last pixels, of which some may not be needed, and the last step. */
    const size_t last = (work.width_out + MOST_PIXELS) * work.convolution.stride + (size_t)settings[WIDTH] + 2 * FOUR;
    work.row_size = last * channels + FOUR;
    work.loops = loops_of(&work.convolution, best_way());
    return run(context, &work, tensors[2].count / LANES);
}
