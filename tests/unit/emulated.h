/* AVX-VNNI, and AMX's tiles, in plain C, as Intel's manual describes them: the tests include this before each source of the
   operators, so that what they do with these is tested on CPUs that lack one or the other, and sanitizers see what is
   read from tiles and written to them. Where a CPU would raise an exception, an assertion fails. */

#if defined(__x86_64__)
#include <assert.h>
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define EMULATED __attribute__((unused)) static

typedef struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} EmulatedSetup;

EMULATED __thread EmulatedSetup setup_of_tiles;
EMULATED __thread uint8_t emulated_tiles[8][16][64];

EMULATED void emulated_loadconfig(const void *from)
{
    static const EmulatedSetup none;
    memcpy(&setup_of_tiles, from, sizeof setup_of_tiles);
    memset(emulated_tiles, 0, sizeof emulated_tiles);
    assert(setup_of_tiles.palette <= 1 && !setup_of_tiles.start);
    assert(!memcmp(setup_of_tiles.reserved, none.reserved, sizeof none.reserved));
    for (size_t i = 0; i < 16; i++) {
        assert(setup_of_tiles.rows[i] <= (i < 8 ? 16 : 0) && setup_of_tiles.bytes[i] <= (i < 8 ? 64 : 0));
        assert(!setup_of_tiles.rows[i] == !setup_of_tiles.bytes[i]);
    }
    if (!setup_of_tiles.palette)
        setup_of_tiles = none;
}

EMULATED void emulated_storeconfig(void *to)
{
    memcpy(to, &setup_of_tiles, sizeof setup_of_tiles);
}

/* A tile that may be used. */
EMULATED uint8_t (*emulated_tile(size_t tile))[64]
{
    assert(tile < 8 && setup_of_tiles.rows[tile]);
    return emulated_tiles[tile];
}

EMULATED void emulated_loadd(size_t tile, const void *from, size_t stride)
{
    uint8_t(*rows)[64] = emulated_tile(tile);
    memset(rows, 0, 16 * 64);
    for (size_t i = 0; i < setup_of_tiles.rows[tile]; i++)
        memcpy(rows[i], (const uint8_t *)from + i * stride, setup_of_tiles.bytes[tile]);
}

EMULATED void emulated_stored(size_t tile, void *to, size_t stride)
{
    uint8_t(*rows)[64] = emulated_tile(tile);
    for (size_t i = 0; i < setup_of_tiles.rows[tile]; i++)
        memcpy((uint8_t *)to + i * stride, rows[i], setup_of_tiles.bytes[tile]);
}

/* Adds four products at a time, of unsigned `data` and signed `weights`, by AVX-VNNI. */
EMULATED __attribute__((target("avx2"))) __m256i emulated_dpbusd_avx(__m256i sums, __m256i data, __m256i weights)
{
    int32_t sum[8];
    uint8_t one[32];
    int8_t other[32];
    memcpy(sum, &sums, sizeof sum), memcpy(one, &data, sizeof one), memcpy(other, &weights, sizeof other);
    for (size_t i = 0; i < 32; i++)
        sum[i / 4] += one[i] * other[i];
    memcpy(&sums, sum, sizeof sum);
    return sums;
}

/* The same by AMX. */
EMULATED void emulated_dpbusd(size_t to, size_t data, size_t weights)
{
    const size_t depth = setup_of_tiles.rows[weights], width = setup_of_tiles.bytes[to] / 4;
    uint8_t(*sums)[64] = emulated_tile(to), (*one)[64] = emulated_tile(data), (*other)[64] = emulated_tile(weights);
    assert(to != data && to != weights && data != weights);
    assert(setup_of_tiles.rows[to] == setup_of_tiles.rows[data] && setup_of_tiles.bytes[data] == 4 * depth);
    assert(setup_of_tiles.bytes[to] == setup_of_tiles.bytes[weights] && setup_of_tiles.bytes[to] == 4 * width);
    for (size_t row = 0; row < setup_of_tiles.rows[to]; row++) {
        int32_t sum[16];
        memcpy(sum, sums[row], sizeof sum);
        for (size_t i = 0; i < 4 * depth; i++)
            for (size_t column = 0; column < width; column++)
                sum[column] += one[row][i] * (int8_t)other[i / 4][4 * column + i % 4];
        memcpy(sums[row], sum, sizeof sum);
    }
}

#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32 emulated_dpbusd_avx
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig emulated_loadconfig
#define _tile_storeconfig emulated_storeconfig
#define _tile_loadd emulated_loadd
#define _tile_stored emulated_stored
#define _tile_dpbusd emulated_dpbusd
#endif
