/* Which instructions operators may use. */

/* Each has those before. VECTORS stands for AVX2, or NEON with dot products; VNNI for AVX-512 with VNNI, VBMI and VBMI2; AMX for
   tiles of int8. */
enum { PLAIN, VECTORS, VNNI, AMX };

/* The fastest that this CPU has, or less if limited. */
int best_way(void);
void limit_way(int way);
