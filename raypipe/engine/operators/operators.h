/* What each operator computes. */

#include "tensors.h"

Status *table(void *, Context *);
Status *upsample(void *, Context *);
Status *convolution(void *, Context *);
Status *gate(void *, Context *);
Status *greatest(void *, Context *);
Status *join(void *, Context *);
Status *average(void *, Context *);

/* Looks up `count` elements in a table of 256; `to` may be `from`. */
void look_up(const uint8_t *table, const uint8_t *from, uint8_t *to, size_t count);
