/* Stands in for `cpu.c` where `emulated_amx.h` does for AMX, whose other instructions are those of VNNI. */

#define best_way best_way_of_cpu
#include "cpu.c"
#undef best_way

int best_way(void)
{
    const int found = best_way_of_cpu();
    return found == VNNI ? most : found;
}
