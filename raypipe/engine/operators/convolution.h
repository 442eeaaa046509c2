/* A convolution, and its inner loops in each way of `cpu.h`. */

#include <stddef.h>
#include <stdint.h>

enum { PIXELS = 8, LANES = 16, FOUR = 4 };

/* Weights are in blocks of 16 output channels (LANES). Each has rows of steps of four: with `depthwise`, for neighbouring
   pixels of the same channel, else for neighbouring bytes of the input row; each of the four is of 16 channels. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const float *scale;
    int32_t zero, depthwise;
    size_t rows, steps, stride, channels_in, channels_out;
} Convolution;

/* Computes up to PIXELS neighbouring pixels of the output, in `width_of(way)` channels from `channel` on, and writes
   those that there are. `from` are the input's rows at the first pixel; they are read up to PIXELS pixels on. */
typedef void (*Kernel)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to, size_t pixels);

Kernel kernel_of(int way);
size_t width_of(int way);
