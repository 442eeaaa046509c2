/* Runs the operators on random inputs in memory of exactly their size, without ONNX Runtime, for the sanitizers' test. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "operators.h"

static Tensor inputs[5], result;

static Status *create_status(int code, const char *message)
{
    return code ? (Status *)message : NULL;
}

static Status *data_of(Value *value, void **data)
{
    *data = (void *)((Tensor *)value)->data;
    return NULL;
}

static Status *dimensions_count(const Shape *shape, size_t *count)
{
    *count = ((const Tensor *)shape)->dimensions;
    return NULL;
}

static Status *dimensions(const Shape *shape, int64_t *sides, size_t count)
{
    memcpy(sides, ((const Tensor *)shape)->sides, count * sizeof *sides);
    return NULL;
}

static Status *shape_of(const Value *value, Shape **shape)
{
    *shape = (Shape *)value;
    return NULL;
}

static Status *input_of(const Context *context, size_t index, const Value **value)
{
    *value = (const Value *)&inputs[index];
    return NULL;
}

static Status *output_of(Context *context, size_t index, const int64_t *sides, size_t count, Value **value)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size *= (size_t)sides[i];
    free((void *)result.data);
    result.data = malloc(size);
    *value = (Value *)&result;
    return NULL;
}

static void release(void *value)
{
}

static Status *parallel(const Context *context, void (*work)(void *, size_t), size_t total, size_t batches, void *given)
{
    for (size_t i = 0; i < total; i++)
        work(given, i);
    return NULL;
}

static void give(size_t index, size_t size, const void *data, size_t dimensions, const int64_t *sides)
{
    free((void *)inputs[index].data);
    uint8_t *memory = malloc(size);
    for (size_t i = 0; i < size; i++)
        memory[i] = data ? ((const uint8_t *)data)[i] : (uint8_t)rand();
    inputs[index] = (Tensor){.data = memory, .dimensions = dimensions};
    memcpy(inputs[index].sides, sides, dimensions * sizeof *sides);
}

static int below(int limit)
{
    return rand() % limit;
}

static void run(void)
{
    int32_t depthwise = below(2), channels = depthwise ? 16 * (1 + below(4)) : 8 * (1 + below(5)), factor = 1 + below(4);
    int32_t zeros[64] = {0}, height = 1 + below(8), width = 1 + below(8), stride = depthwise ? 1 : 1 + below(3);
    int32_t settings[] = {height,   width,      stride,     below(4), below(4), below(4),
                          below(4), below(256), below(256), channels, depthwise};
    int64_t sides[] = {below(3), below(40), below(40), depthwise ? channels : 1 + below(6)};
    int64_t blocks = (channels + 15) / 16, steps = (width * (depthwise ? 1 : sides[3]) + 3) / 4;
    int64_t weights = blocks * height * steps * 64, numbers = blocks * 16, eleven = 11, one = 1, values = 256;
    give(0, (size_t)(sides[0] * sides[1] * sides[2] * sides[3]), NULL, 4, sides);
    give(1, (size_t)weights, NULL, 1, &weights);
    give(2, (size_t)numbers * 4, zeros, 1, &numbers);
    give(3, (size_t)numbers * 4, zeros, 1, &numbers);
    give(4, sizeof settings, settings, 1, &eleven);
    convolution(NULL, NULL);
    give(1, sizeof factor, &factor, 1, &one);
    upsample(NULL, NULL);
    give(1, 256, NULL, 1, &values);
    table(NULL, NULL);
}

int main(void)
{
    Function api[PARALLEL + 1] = {
        [CREATE_STATUS] = (Function)create_status,
        [DATA] = (Function)data_of,
        [DIMENSIONS_COUNT] = (Function)dimensions_count,
        [DIMENSIONS] = (Function)dimensions,
        [SHAPE] = (Function)shape_of,
        [INPUT] = (Function)input_of,
        [OUTPUT] = (Function)output_of,
        [RELEASE_SHAPE] = (Function)release,
        [PARALLEL] = (Function)parallel,
    };
    use_interface(api);
    for (int i = 0; i < 900; i++) {
        limit_way(i % 3);
        run();
    }
    puts("900 runs");
    return 0;
}
