/* Join(x, y): the channels of one picture, and behind them those of another. */

#include <string.h>

#include "operators.h"

enum { CHUNK = 8, PIXELS = 1 << 10 };

typedef struct {
    const uint8_t *from[2];
    size_t channels[2], pixels;
    uint8_t *to;
} Join;

/* In pieces whose size the compiler knows; the last may repeat a part of the one before. */
static inline void copy(uint8_t *to, const uint8_t *from, size_t count)
{
    if (count < CHUNK) {
        memcpy(to, from, count);
        return;
    }
    for (size_t i = 0; i + CHUNK < count; i += CHUNK)
        memcpy(to + i, from + i, CHUNK);
    memcpy(to + count - CHUNK, from + count - CHUNK, CHUNK);
}

static void join_pixels(void *given, size_t part)
{
    const Join *work = given;
    const size_t first = part * PIXELS, last = first + PIXELS < work->pixels ? first + PIXELS : work->pixels;
    const size_t one = work->channels[0], other = work->channels[1];
    for (size_t i = first; i < last; i++) {
        copy(work->to + i * (one + other), work->from[0] + i * one, one);
        copy(work->to + i * (one + other) + one, work->from[1] + i * other, other);
    }
}

Status *join(void *kernel, Context *context)
{
    Tensor one, other;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &one));
    TRY(input(context, 1, &other));
    if (one.dimensions != 4 || other.dimensions != 4 || memcmp(one.sides, other.sides, 3 * sizeof *one.sides))
        return error("raypipe.Join: takes pictures of one size");
    const int64_t sides[] = {one.sides[0], one.sides[1], one.sides[2], one.sides[3] + other.sides[3]};
    TRY(output(context, sides, 4, &to));
    const size_t pixels = (size_t)(sides[0] * sides[1] * sides[2]);
    Join work = {{one.data, other.data}, {(size_t)one.sides[3], (size_t)other.sides[3]}, pixels, to};
    return in_parallel(context, join_pixels, (pixels + PIXELS - 1) / PIXELS, &work);
}
