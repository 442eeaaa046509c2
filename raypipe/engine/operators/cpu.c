#include "cpu.h"

static int most = VNNI;

void limit_way(int way)
{
    most = way;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* What the CPU and the operating system have; not __builtin_cpu_supports, to which some compilers lack the answer. */
static int found_way(void)
{
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512VL, fast = bit_AVX512VBMI | bit_AVX512VNNI;
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return PLAIN;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2) || (saved & 0x6) != 0x6)
        return PLAIN;
    return (b & wide) == wide && (c & fast) == fast && (saved & 0xe6) == 0xe6 ? VNNI : AVX2;
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
