/* Greatest(x): for each pixel of a picture the greatest of it and its neighbours at the right, below, and below at the
   right, by channel: a maximum of 2x2 pixels with stride 1, and a row and a column of padding at the end. */

#include "operators.h"

typedef struct {
    const uint8_t *from;
    uint8_t *to;
    size_t height, size, channels;
} Greatest;

static inline uint8_t greater(uint8_t one, uint8_t other)
{
    return one > other ? one : other;
}

static void compare_row(void *given, size_t row)
{
    const Greatest *work = given;
    const uint8_t *here = work->from + row * work->size;
    const uint8_t *below = row % work->height + 1 < work->height ? here + work->size : here;
    uint8_t *restrict to = work->to + row * work->size;
    const size_t next = work->channels, last = work->size - next;
    for (size_t i = 0; i < last; i++)
        to[i] = greater(greater(here[i], below[i]), greater(here[i + next], below[i + next]));
    for (size_t i = last; i < work->size; i++)
        to[i] = greater(here[i], below[i]);
}

Status *greatest(void *kernel, Context *context)
{
    Tensor from;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    if (from.dimensions != 4)
        return error("raypipe.Greatest: takes pictures");
    TRY(output(context, from.sides, 4, &to));
    if (!from.count)
        return NULL;
    const size_t channels = (size_t)from.sides[3];
    Greatest work = {from.data, to, (size_t)from.sides[1], (size_t)from.sides[2] * channels, channels};
    return in_parallel(context, compare_row, (size_t)(from.sides[0] * from.sides[1]), &work);
}
