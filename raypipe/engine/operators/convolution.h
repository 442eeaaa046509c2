/* A convolution, and its inner loops in each way of `cpu.h`. */

#include <stddef.h>
#include <stdint.h>

enum { LANES = 16, FOUR = 4, MOST_PIXELS = 32 };

/* Weights are in blocks of 16 output channels (LANES). Each has rows of steps of four: with `depthwise`, for neighbouring
   pixels of the same channel, else for neighbouring bytes of the input row. A step has the four of each channel. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const float *scale;
    int32_t zero, depthwise;
    size_t rows, steps, stride, channels_in, channels_out;
} Convolution;

/* Computes `count` neighbouring pixels of the output, in up to `channels` channels from `channel` on. `from` are the
   input's rows at the first pixel; they are read up to a multiple of the pixels computed at once, of which there are 4, 6,
   8, 12, 16 or 32 (MOST_PIXELS). */
typedef void (*Kernel)(const Convolution *work, const uint8_t *const *from, size_t channel, uint8_t *to, size_t count);

/* What the CPU's tiles were set up for. */
typedef struct {
    uint8_t bytes[64];
} Setup;

typedef struct {
    Kernel kernel;
    size_t channels;
    int less_128; /* reads the input as signed numbers: bias must contain 128 times each channel's weights */
    void (*begin)(const Convolution *work, Setup *before); /* called in each thread; may be missing, as `end` */
    void (*end)(const Setup *before);
} Loops;

Loops loops_of(const Convolution *work, int way);

/* Those with one kind of vectors, for a way that has them. */
Loops avx512_loops(const Convolution *work, int way);
Loops avx2_loops(const Convolution *work, int way);
Loops neon_loops(const Convolution *work, int way);

/* For functions that become part of each that calls them with constants. */
#define INLINE static inline __attribute__((always_inline)) TARGET
/* Sums stay in registers only if no loop over them is left. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif
/* Ends a step of sums: without it, GCC copies each from one register to another, and some to memory, in every step. */
#define KEEP(sums, count)                                                                                            \
    UNROLLED for (size_t kept = 0; kept < (count); kept++)                                                            \
        __asm__("" : IN_REGISTER(sums[kept]))
