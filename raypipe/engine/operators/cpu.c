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
static unsigned found_ways(void)
{
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512VL, vbmi = bit_AVX512VBMI | bit_AVX512VBMI2;
    const unsigned tiles = 1u << 24 | 1u << 25; /* AMX-TILE and AMX-INT8 */
    unsigned a, b, c, d, more, none, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2) || (saved & 0x6) != 0x6)
        return 0;
    unsigned found = 1u << VECTORS;
    if (a >= 1 && __get_cpuid_count(7, 1, &more, &none, &none, &none) && more & 1u << 4)
        found |= 1u << AVX_VNNI;
    if ((b & wide) != wide || !(c & bit_AVX512VNNI) || (saved & 0xe6) != 0xe6)
        return found;
    found |= 1u << AVX512_VNNI;
    if ((c & vbmi) != vbmi)
        return found;
    found |= 1u << AVX512_VBMI;
    if ((d & tiles) == tiles && (saved & 0x60000) == 0x60000 && tiles_allowed())
        found |= 1u << AMX;
    return found;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static unsigned found_ways(void)
{
    enum { DOT_PRODUCTS = 1 << 20, MATRICES = 1 << 13 };
    if (!(getauxval(AT_HWCAP) & DOT_PRODUCTS))
        return 0;
    return 1u << VECTORS | (getauxval(AT_HWCAP2) & MATRICES ? 1u << I8MM : 0);
}
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

static unsigned found_ways(void)
{
    int matrices = 0;
    size_t size = sizeof matrices;
    if (sysctlbyname("hw.optional.arm.FEAT_I8MM", &matrices, &size, NULL, 0))
        matrices = 0;
    return 1u << VECTORS | (matrices ? 1u << I8MM : 0);
}
#else
static unsigned found_ways(void)
{
    return 0;
}
#endif

int best_way(void)
{
    static unsigned found = 0; /* The same whichever thread finds it first. */
    if (!found)
        found = found_ways() | 1u << PLAIN;
    int way = most;
    while (!(found & 1u << way))
        way--;
    return way;
}
