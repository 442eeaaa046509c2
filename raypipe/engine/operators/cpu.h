/* Which instructions operators may use. */

/* VECTORS stands for AVX2, or NEON with dot products; I8MM for NEON with products of matrices, too; AVX_VNNI for AVX2 with it;
   AVX512_VNNI for AVX-512F, BW, VL and VNNI; AVX512_VBMI for these with VBMI and VBMI2; AMX for those with tiles of int8. */
enum { PLAIN, VECTORS, I8MM, AVX_VNNI, AVX512_VNNI, AVX512_VBMI, AMX };

/* The last of them that this CPU has, or the last that it has up to a limit. */
int best_way(void);
void limit_way(int way);
