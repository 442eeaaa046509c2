/* Runs the operators on random inputs in memory of exactly their size, without ONNX Runtime, for the sanitizers'
   test. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "operators.h"

static Tensor inputs[6], result;

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

static Status *inputs_count(const Context *context, size_t *count)
{
    *count = inputs[5].dimensions ? 6 : 5;
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
    memcpy(result.sides, sides, count * sizeof *sides);
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

/* Runs an operator in each way, and fails if one gives another result than plain C. */
static void compare(const char *name, Status *(*compute)(void *kernel, Context *context))
{
    limit_way(PLAIN);
    if (compute(NULL, NULL))
        return;
    const size_t size = (size_t)(result.sides[0] * result.sides[1] * result.sides[2] * result.sides[3]);
    uint8_t *expected = malloc(size);
    memcpy(expected, result.data, size);
    for (int way = VECTORS; way <= AMX; way++) {
        limit_way(way);
        compute(NULL, NULL);
        if (memcmp(expected, result.data, size)) {
            printf("%s: way %d differs\n", name, way);
            exit(1);
        }
    }
    free(expected);
}

static void run(void)
{
    int32_t depthwise = below(2), channels = depthwise ? 16 * (1 + below(4)) : 8 * (1 + below(12)), factor = 1 + below(4);
    int32_t single = !depthwise && below(2), height = single ? 1 : 1 + below(8), width = single ? 1 : 1 + below(8);
    int32_t stride = single ? 1 : 1 + below(depthwise ? (width <= 4 ? 2 : 1) : 3), pads[4], zeros[96];
    for (int i = 0; i < 4; i++)
        pads[i] = single ? 0 : below(4);
    int32_t settings[] = {height,  width,   stride,     pads[0],    pads[1], pads[2],
                          pads[3], below(256), below(256), channels, depthwise};
    int64_t sides[] = {below(3), below(40), below(40), depthwise ? channels : 1 + below(single ? 150 : 20)};
    int64_t blocks = (channels + 15) / 16, steps = (width * (depthwise ? 1 : sides[3]) + 3) / 4;
    int64_t weights = blocks * height * steps * 64, numbers = blocks * 16, eleven = 11, one = 1, values = 256;
    int8_t *kernel = malloc((size_t)weights);
    float scales[96];
    for (int64_t i = 0; i < weights; i++)
        kernel[i] = (int8_t)(below(129) - 64);
    for (int i = 0; i < 96; i++)
        zeros[i] = below(20000) - 10000, scales[i] = (float)(1 + below(99)) / 9999.0f;
    give(0, (size_t)(sides[0] * sides[1] * sides[2] * sides[3]), NULL, 4, sides);
    give(1, (size_t)weights, kernel, 1, &weights);
    give(2, (size_t)numbers * 4, zeros, 1, &numbers);
    give(3, (size_t)numbers * 4, scales, 1, &numbers);
    give(4, sizeof settings, settings, 1, &eleven);
    give(5, 256, NULL, (size_t)below(2), &values);
    free(kernel);
    compare("convolution", convolution);
    int64_t gates[] = {sides[0], 1, 1, sides[3]}, three = 3, other[] = {sides[0], sides[1], sides[2], 1 + below(40)};
    give(1, (size_t)(gates[0] * gates[3]), NULL, 4, gates);
    give(2, 3 * 4, zeros, 1, &three);
    give(3, 4, scales, 1, &one);
    compare("gate", gate);
    compare("greatest", greatest);
    give(1, (size_t)(other[0] * other[1] * other[2] * other[3]), NULL, 4, other);
    compare("join", join);
    int32_t tile[] = {1 + below(4), 1 + below(4), below(256), below(256)};
    int64_t four = 4, two = 2;
    give(1, sizeof tile, tile, 1, &four);
    give(2, 2 * 4, scales, 1, &two);
    compare("average", average);
    give(1, sizeof factor, &factor, 1, &one);
    compare("upsample", upsample);
    give(1, 256, NULL, 1, &values);
    compare("table", table);
}

int main(void)
{
    Function api[PARALLEL + 1] = {
        [CREATE_STATUS] = (Function)create_status,
        [DATA] = (Function)data_of,
        [DIMENSIONS_COUNT] = (Function)dimensions_count,
        [DIMENSIONS] = (Function)dimensions,
        [SHAPE] = (Function)shape_of,
        [INPUTS_COUNT] = (Function)inputs_count,
        [INPUT] = (Function)input_of,
        [OUTPUT] = (Function)output_of,
        [RELEASE_SHAPE] = (Function)release,
        [PARALLEL] = (Function)parallel,
    };
    use_interface(api);
    for (int i = 0; i < 900; i++)
        run();
    puts("900 runs");
    return 0;
}
