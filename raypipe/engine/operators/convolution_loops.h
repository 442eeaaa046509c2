/* The inner loops of a convolution, for one kind of vector: INT32S holds WIDE sums, BYTES four bytes for each. MANY
   pixels of a dense one are computed at once, as many as have room in the registers, or twice as many of a depthwise
   one. */

#define INLINE static inline __attribute__((always_inline)) TARGET
/* Sums stay in registers only if no loop over them is left. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif

/* Writes the sums of `pixels`, of which `count` are there, each of WIDE channels for each of one or two `vectors`. */
INLINE void NAME(write)(const Convolution *work, size_t channel, uint8_t *to, size_t count, const INT32S *sum,
                        const size_t pixels, const size_t vectors)
{
    const size_t size = vectors * WIDE, left = work->channels_out - channel, some = left < size ? left : size;
    UNROLLED for (size_t first = 0; first < pixels * vectors; first += 4) {
        uint8_t four[4 * WIDE], *at = to + first / vectors * work->channels_out;
        INT32S scaled[4];
        UNROLLED for (size_t i = 0; i < 4; i++)
            scaled[i] = NAME(scale)(sum[first + i], work->scale + channel + i % vectors * WIDE);
        NAME(pack)(four, scaled, work->zero);
        if (count >= pixels && some == size)
            UNROLLED for (size_t i = 0; i < 4 / vectors; i++)
                memcpy(at + i * work->channels_out, four + i * size, size);
        else
            for (size_t i = 0; i < 4 / vectors && first / vectors + i < count; i++)
                memcpy(at + i * work->channels_out, four + i * size, some);
    }
}

INLINE void NAME(dense)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to, size_t count,
                        const size_t vectors)
{
    const size_t pixel = work->stride * work->channels_in, block = work->rows * work->steps * LANES * FOUR;
    const size_t next = (vectors - 1) * (WIDE < LANES ? WIDE * FOUR : block);
    const int8_t *begin = work->weights + channel / LANES * block + channel % LANES * FOUR;
    for (size_t x = 0; x < count; x += MANY) {
        const int8_t *weights = begin;
        INT32S sum[2 * MANY];
        UNROLLED for (size_t i = 0; i < MANY * vectors; i++)
            sum[i] = NAME(bias)(work->bias + channel + i % vectors * WIDE);
        for (size_t row = 0; row < work->rows; row++)
            for (size_t step = 0; step < work->steps; step++, weights += LANES * FOUR) {
                const BYTES first = NAME(four)(weights), second = NAME(four)(weights + next);
                const uint8_t *at = from[row] + x * pixel + FOUR * step;
                UNROLLED for (size_t i = 0; i < MANY * vectors; i++) {
                    const BYTES data = NAME(spread)(at + i / vectors * pixel);
                    sum[i] = NAME(dot)(sum[i], data, i % vectors ? second : first);
                }
            }
        NAME(write)(work, channel, to + x * work->channels_out, count - x, sum, MANY, vectors);
    }
}

TARGET static void NAME(dense_kernel)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                      size_t count)
{
    if (channel + WIDE < work->channels_out)
        NAME(dense)(work, from, channel, to, count, 2);
    else
        NAME(dense)(work, from, channel, to, count, 1);
}

/* Windows of four pixels are gathered without overlap; those in between are slid together from their neighbours. Each
   serves both steps that it is part of. */
INLINE void NAME(depthwise)(const Convolution *work, const uint8_t *const *from, size_t x, const int8_t *weights,
                            INT32S sum[2 * MANY], const size_t steps, const size_t stride)
{
    for (size_t row = 0; row < work->rows; row++, weights += steps * LANES * FOUR) {
        const BYTES near = NAME(four)(weights), far = NAME(four)(weights + (steps - 1) * LANES * FOUR);
        const uint8_t *at = from[row] + x * stride * work->channels_in;
        BYTES gathered[MANY + 1];
        UNROLLED for (size_t i = 0; i < (2 * MANY - 1) * stride / FOUR + steps + 1; i++)
            gathered[i] = NAME(gather)(at + FOUR * i * work->channels_in, work->channels_in);
        UNROLLED for (size_t i = 0; i < 2 * MANY + FOUR * (steps - 1); i++) {
            const size_t place = i * stride;
            const BYTES data = NAME(slide)(gathered[place / FOUR], gathered[place / FOUR + 1], place % FOUR);
            if (i < 2 * MANY)
                sum[i] = steps == 1 ? NAME(exact_dot)(sum[i], data, near) : NAME(dot)(sum[i], data, near);
            if (steps == 2 && i >= FOUR)
                sum[i - FOUR] = NAME(dot)(sum[i - FOUR], data, far);
        }
    }
}

TARGET static void NAME(depthwise_kernel)(const Convolution *work, const uint8_t *const *from, size_t channel,
                                          uint8_t *to, size_t count)
{
    const size_t block = work->rows * work->steps * LANES * FOUR;
    const int8_t *weights = work->weights + channel / LANES * block + channel % LANES * FOUR;
    for (size_t x = 0; x < count; x += 2 * MANY) {
        INT32S sum[2 * MANY];
        UNROLLED for (size_t i = 0; i < 2 * MANY; i++)
            sum[i] = NAME(bias)(work->bias + channel);
        if (work->steps == 2)
            NAME(depthwise)(work, from, x, weights, sum, 2, 1);
        else if (work->stride == 2)
            NAME(depthwise)(work, from, x, weights, sum, 1, 2);
        else
            NAME(depthwise)(work, from, x, weights, sum, 1, 1);
        NAME(write)(work, channel, to + x * work->channels_out, count - x, sum, 2 * MANY, 1);
    }
}

#undef INLINE
#undef UNROLLED
#undef NAME
#undef TARGET
#undef INT32S
#undef BYTES
#undef WIDE
#undef MANY
