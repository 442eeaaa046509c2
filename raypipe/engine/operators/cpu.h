/* Which instructions operators may use. */

enum { PLAIN, AVX2, VNNI }; /* each has those before; VNNI stands for AVX-512 with VNNI and VBMI */

/* The fastest that this CPU has, or less if limited. */
int best_way(void);
void limit_way(int way);
