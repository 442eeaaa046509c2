/* Inputs and outputs of operators, and work in several threads. */

#include "onnxruntime.h"

enum { MOST_DIMENSIONS = 8 };

#define TRY(call)                \
    do {                         \
        Status *failed = (call); \
        if (failed)              \
            return failed;       \
    } while (0)

typedef struct {
    const void *data;
    int64_t sides[MOST_DIMENSIONS];
    size_t dimensions, count;
} Tensor;

/* Which ONNX Runtime calls the operators: set before any of them runs. */
void use_interface(const Function *functions);

Status *error(const char *message);

/* An input; one without elements if it is left out. */
Status *input(const Context *context, size_t index, Tensor *found);

/* The memory of the only output, uint8. */
Status *output(Context *context, const int64_t *sides, size_t dimensions, uint8_t **data);

/* Calls work(given, i) for each i below count, in the threads of the session. */
Status *in_parallel(Context *context, void (*work)(void *, size_t), size_t count, void *given);
