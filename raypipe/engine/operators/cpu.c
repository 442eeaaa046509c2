#define _GNU_SOURCE /* syscall */
#include "cpu.h"

static int most = AMX;

void limit_way(int way)
{
    most = way;
}

#if defined(__x86_64__)
#include <cpuid.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/* Linux gives the registers of tiles to processes that ask for them. */
static int tiles_allowed(void)
{
    enum { ASK = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, ASK, TILE_DATA) == 0;
}
#else
static int tiles_allowed(void)
{
    return 0;
}
#endif

/* What the CPU and the operating system have; not __builtin_cpu_supports, to which some compilers lack the answer. */
static int found_way(void)
{
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
    const unsigned fast = bit_AVX512VBMI | bit_AVX512VBMI2 | bit_AVX512VNNI;
    const unsigned tiles = 1u << 24 | 1u << 25; /* AMX-TILE and AMX-INT8 */
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return PLAIN;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2) || (saved & 0x6) != 0x6)
        return PLAIN;
    if ((b & wide) != wide || (c & fast) != fast || (saved & 0xe6) != 0xe6)
        return VECTORS;
    return (d & tiles) == tiles && (saved & 0x60000) == 0x60000 && tiles_allowed() ? AMX : VNNI;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static int found_way(void)
{
    enum { DOT_PRODUCTS = 1 << 20 };
    return getauxval(AT_HWCAP) & DOT_PRODUCTS ? VECTORS : PLAIN;
}
#elif defined(__aarch64__) && defined(__APPLE__)
static int found_way(void)
{
    return VECTORS;
}
#else
static int found_way(void)
{
    return PLAIN;
}
#endif

int best_way(void)
{
    static int found = -1; /* The same whichever thread finds it first. */
    if (found < 0)
        found = found_way();
    return found < most ? found : most;
}
