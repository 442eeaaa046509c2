/* How a convolution writes its sums, for one size of vector: INT32S holds WIDE of them. */

/* Writes the sums of `pixels`, of which `count` are there, each of WIDE channels for each of one or two `vectors`. */
INLINE void VECTOR(write)(const Convolution *work, size_t channel, uint8_t *to, size_t count, const INT32S *sum,
                        const size_t pixels, const size_t vectors)
{
    const size_t size = vectors * WIDE, left = work->channels_out - channel, some = left < size ? left : size;
    UNROLLED for (size_t first = 0; first < pixels * vectors; first += 4) {
        uint8_t four[4 * WIDE], *at = to + first / vectors * work->channels_out;
        INT32S scaled[4];
        UNROLLED for (size_t i = 0; i < 4; i++)
            scaled[i] = VECTOR(scale)(sum[first + i], work->scale + channel + i % vectors * WIDE);
        VECTOR(pack)(four, scaled, work->zero);
        if (count >= pixels && some == size)
            UNROLLED for (size_t i = 0; i < 4 / vectors; i++)
                memcpy(at + i * work->channels_out, four + i * size, size);
        else
            for (size_t i = 0; i < 4 / vectors && first / vectors + i < count; i++)
                memcpy(at + i * work->channels_out, four + i * size, some);
    }
}
