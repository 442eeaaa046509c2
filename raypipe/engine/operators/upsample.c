/* Upsample(x, factor): each pixel of a picture becomes factor x factor pixels. */

#include <string.h>

#include "operators.h"

typedef struct {
    const uint8_t *from;
    uint8_t *to;
    size_t width, channels, factor;
} Upsample;

static void repeat_row(void *given, size_t row)
{
    const Upsample *work = given;
    size_t wide = work->width * work->factor * work->channels;
    const uint8_t *from = work->from + row * work->width * work->channels;
    uint8_t *first = work->to + row * work->factor * wide, *to = first;
    for (size_t x = 0; x < work->width; x++, from += work->channels)
        for (size_t i = 0; i < work->factor; i++, to += work->channels)
            memcpy(to, from, work->channels);
    for (size_t i = 1; i < work->factor; i++)
        memcpy(first + i * wide, first, wide);
}

Status *upsample(void *kernel, Context *context)
{
    Tensor from, given;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    TRY(input(context, 1, &given));
    int32_t factor = given.count == 1 ? *(const int32_t *)given.data : 0;
    if (from.dimensions != 4 || factor < 1)
        return error("raypipe.Upsample: takes pictures and a factor above 0");
    int64_t sides[] = {from.sides[0], from.sides[1] * factor, from.sides[2] * factor, from.sides[3]};
    TRY(output(context, sides, 4, &to));
    Upsample work = {from.data, to, (size_t)from.sides[2], (size_t)from.sides[3], (size_t)factor};
    return in_parallel(context, repeat_row, (size_t)(from.sides[0] * from.sides[1]), &work);
}
