/* Stands in for `cpu.c` where `emulated.h` does for instructions: CPUs have AMX that have all of AVX-512 that it is used
   with, and AVX-VNNI that have AVX2. */

#define best_way best_way_of_cpu
#include "cpu.c"
#undef best_way

int best_way(void)
{
    const int found = best_way_of_cpu(), emulated = found == (most == AMX ? AVX512_VBMI : VECTORS);
    return emulated && (most == AMX || most == AVX_VNNI) ? most : found;
}
