/* The inner loops of a convolution of one input channel for each of the output, for one kind of instructions: BYTES holds
   four pixels of WIDE channels. WINDOWS of them are computed at once. */

/* Windows of four pixels are gathered without overlap; those in between are slid together from their neighbours. Each
   serves both steps that it is part of. */
INLINE void NAME(depthwise)(const Convolution *work, const uint8_t *const *from, size_t x, const int8_t *weights,
                            INT32S sum[WINDOWS], const size_t steps, const size_t stride)
{
    for (size_t row = 0; row < work->rows; row++, weights += steps * LANES * FOUR) {
        const BYTES near = VECTOR(four)(weights), far = VECTOR(four)(weights + (steps - 1) * LANES * FOUR);
        const uint8_t *at = from[row] + x * stride * work->channels_in;
        BYTES gathered[WINDOWS / 2 + 1];
        UNROLLED for (size_t i = 0; i < (WINDOWS - 1) * stride / FOUR + steps + 1; i++)
            gathered[i] = NAME(gather)(at + FOUR * i * work->channels_in, work->channels_in);
        UNROLLED for (size_t i = 0; i < WINDOWS + FOUR * (steps - 1); i++) {
            const size_t place = i * stride;
            const BYTES data = NAME(slide)(gathered[place / FOUR], gathered[place / FOUR + 1], place % FOUR);
            if (i < WINDOWS)
                sum[i] = steps == 1 ? NAME(exact_dot)(sum[i], data, near) : NAME(dot)(sum[i], data, near);
            if (steps == 2 && i >= FOUR)
                sum[i - FOUR] = NAME(dot)(sum[i - FOUR], data, far);
        }
        KEEP(sum, WINDOWS);
    }
}

TARGET static void NAME(depthwise_kernel)(const Convolution *work, const uint8_t *const *from, size_t channel,
                                          uint8_t *to, size_t count)
{
    const size_t block = work->rows * work->steps * LANES * FOUR;
    const int8_t *weights = work->weights + channel / LANES * block + channel % LANES * FOUR;
    for (size_t x = 0; x < count; x += WINDOWS) {
        INT32S sum[WINDOWS];
        UNROLLED for (size_t i = 0; i < WINDOWS; i++)
            sum[i] = VECTOR(bias)(work->bias + channel);
        if (work->steps == 2)
            NAME(depthwise)(work, from, x, weights, sum, 2, 1);
        else if (work->stride == 2)
            NAME(depthwise)(work, from, x, weights, sum, 1, 2);
        else
            NAME(depthwise)(work, from, x, weights, sum, 1, 1);
        VECTOR(write)(work, channel, to + x * work->channels_out, count - x, sum, WINDOWS, 1);
    }
}
