/* What each operator computes. */

#include "tensors.h"

Status *table(void *, Context *);
Status *upsample(void *, Context *);
Status *convolution(void *, Context *);
Status *gate(void *, Context *);
Status *greatest(void *, Context *);
Status *join(void *, Context *);
