/* The inner loops of a convolution of all input channels, for one kind of instructions: BYTES holds four bytes for each of
   the WIDE sums of a vector. As many sums are computed at once as have room in the registers: those of PIXELS pixels in
   two vectors of channels, or of twice as many in one. */

INLINE void NAME(dense)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to, size_t count,
                        const size_t vectors)
{
    const size_t pixels = 2 * PIXELS / vectors;
    const size_t pixel = work->stride * work->channels_in, block = work->rows * work->steps * LANES * FOUR;
    const size_t next = (vectors - 1) * (WIDE < LANES ? WIDE * FOUR : block);
    const int8_t *begin = work->weights + channel / LANES * block + channel % LANES * FOUR;
    for (size_t x = 0; x < count; x += pixels) {
        const int8_t *weights = begin;
        INT32S sum[2 * PIXELS];
        UNROLLED for (size_t i = 0; i < 2 * PIXELS; i++)
            sum[i] = VECTOR(bias)(work->bias + channel + i % vectors * WIDE);
        for (size_t row = 0; row < work->rows; row++)
            for (size_t step = 0; step < work->steps; step++, weights += LANES * FOUR) {
                const BYTES first = VECTOR(four)(weights), second = VECTOR(four)(weights + next);
                const uint8_t *at = from[row] + x * pixel + FOUR * step;
                UNROLLED for (size_t i = 0; i < 2 * PIXELS; i++) {
                    const BYTES data = VECTOR(spread)(at + i / vectors * pixel);
                    sum[i] = NAME(dot)(sum[i], data, i % vectors ? second : first);
                }
                KEEP(sum, 2 * PIXELS);
            }
        VECTOR(write)(work, channel, to + x * work->channels_out, count - x, sum, pixels, vectors);
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
