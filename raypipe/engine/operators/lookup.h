/* Looking up bytes in a table of 256. */

#include <stddef.h>
#include <stdint.h>

enum { PLAIN, AVX2, VBMI, WAYS };

/* The fastest way that this CPU has. */
int best_way(void);

/* Writes table[from[i]] to to[i], in one of the ways, which the CPU must have; `to` may be `from`. */
void look_up(int way, const uint8_t *table, const uint8_t *from, uint8_t *to, size_t count);
