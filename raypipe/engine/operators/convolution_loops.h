/* The inner loops of a convolution, for one kind of vector: INT32S holds WIDE sums, BYTES four bytes for each. */

#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE void NAME(dense)(const Convolution *work, const uint8_t *const *from, const int8_t *weights, INT32S sum[PIXELS])
{
    const size_t stride = work->stride * work->channels_in;
    for (size_t row = 0; row < work->rows; row++)
        for (size_t step = 0; step < work->steps; step++, weights += LANES * FOUR) {
            const BYTES weight = NAME(gather)(weights, LANES);
            for (size_t i = 0; i < PIXELS; i++)
                sum[i] = NAME(dot)(sum[i], NAME(spread)(from[row] + i * stride + FOUR * step), weight);
        }
}

/* Four pixels at once, which serve both steps that they are part of. */
INLINE void NAME(depthwise)(const Convolution *work, const uint8_t *const *from, const int8_t *weights,
                            INT32S sum[PIXELS], const size_t steps)
{
    for (size_t row = 0; row < work->rows; row++, weights += steps * LANES * FOUR) {
        const BYTES near = NAME(gather)(weights, LANES), far = NAME(gather)(weights + (steps - 1) * LANES * FOUR, LANES);
        for (size_t i = 0; i < PIXELS + FOUR * (steps - 1); i++) {
            const BYTES data = NAME(gather)(from[row] + i * work->channels_in, work->channels_in);
            if (i < PIXELS)
                sum[i] = NAME(dot)(sum[i], data, near);
            if (steps == 2 && i >= FOUR)
                sum[i - FOUR] = NAME(dot)(sum[i - FOUR], data, far);
        }
    }
}

TARGET static void NAME(kernel)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to,
                                size_t pixels)
{
    const size_t block = work->rows * work->steps * LANES * FOUR, left = work->channels_out - channel;
    const int8_t *weights = work->weights + channel / LANES * block + channel % LANES;
    INT32S sum[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        sum[i] = NAME(bias)(work->bias + channel);
    if (!work->depthwise)
        NAME(dense)(work, from, weights, sum);
    else if (work->steps == 1)
        NAME(depthwise)(work, from, weights, sum, 1);
    else
        NAME(depthwise)(work, from, weights, sum, 2);
    for (size_t i = 0; i < PIXELS && i < pixels; i++)
        NAME(write)(to + i * work->channels_out, sum[i], work->scale + channel, work->zero, left < WIDE ? left : WIDE);
}

#undef INLINE
#undef NAME
#undef TARGET
#undef INT32S
#undef BYTES
#undef WIDE
