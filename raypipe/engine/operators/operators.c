/* Operators for ONNX Runtime, domain `raypipe`, on CPUs.

   Table(x, table): each element of x, uint8 of any shape, looked up in a table of 256 uint8. So int8 networks compute
   whatever is of one value alone, as an activation between two convolutions, without going through float. */

#include <string.h>

#include "lookup.h"
#include "onnxruntime.h"

enum { BLOCK = 1 << 15, MOST_DIMENSIONS = 8 };

static const Function *api;
static Domain *domain;

#define TRY(call)                 \
    do {                          \
        Status *failed = (call);  \
        if (failed)               \
            return failed;        \
    } while (0)

typedef struct {
    const uint8_t *data;
    int64_t sides[MOST_DIMENSIONS];
    size_t dimensions, count;
} Tensor;

static Status *error(const char *message)
{
    return ((CreateStatus)api[CREATE_STATUS])(INVALID_ARGUMENT, message);
}

static Status *sides_of(const Shape *shape, Tensor *found)
{
    TRY(((DimensionsCount)api[DIMENSIONS_COUNT])(shape, &found->dimensions));
    if (found->dimensions > MOST_DIMENSIONS)
        return error("raypipe's operators take tensors of at most 8 dimensions");
    return ((Dimensions)api[DIMENSIONS])(shape, found->sides, found->dimensions);
}

static Status *input(const Context *context, size_t index, Tensor *found)
{
    const Value *value;
    Shape *shape;
    TRY(((Input)api[INPUT])(context, index, &value));
    TRY(((Data)api[DATA])((Value *)value, (void **)&found->data));
    TRY(((ShapeOf)api[SHAPE])(value, &shape));
    Status *failed = sides_of(shape, found);
    ((Release)api[RELEASE_SHAPE])(shape);
    found->count = 1;
    for (size_t i = 0; !failed && i < found->dimensions; i++)
        found->count *= (size_t)found->sides[i];
    return failed;
}

static Status *output(Context *context, const Tensor *like, uint8_t **data)
{
    Value *value;
    TRY(((Output)api[OUTPUT])(context, 0, like->sides, like->dimensions, &value));
    return ((Data)api[DATA])(value, (void **)data);
}

typedef struct {
    int way;
    const uint8_t *table, *from;
    uint8_t *to;
    size_t count;
} Lookup;

static void look_up_block(void *given, size_t block)
{
    const Lookup *work = given;
    size_t begin = block * BLOCK, left = work->count - begin;
    look_up(work->way, work->table, work->from + begin, work->to + begin, left < BLOCK ? left : BLOCK);
}

static Status *compute_table(void *kernel, Context *context)
{
    Tensor from, table;
    uint8_t *to;
    (void)kernel;
    TRY(input(context, 0, &from));
    TRY(input(context, 1, &table));
    if (table.count != 256)
        return error("raypipe.Table: the table must have 256 elements");
    TRY(output(context, &from, &to));
    Lookup work = {best_way(), table.data, from.data, to, from.count};
    size_t blocks = (from.count + BLOCK - 1) / BLOCK;
    return blocks ? ((Parallel)api[PARALLEL])(context, look_up_block, blocks, 0, &work) : NULL;
}

static Status *create(const Operator *operator, const Function *functions, const Info *info, void **kernel)
{
    (void)operator, (void)functions, (void)info;
    *kernel = NULL;
    return NULL;
}

static void destroy(void *kernel)
{
    (void)kernel;
}

static const char *table_name(const Operator *operator)
{
    (void)operator;
    return "Table";
}

static const char *on_cpu(const Operator *operator)
{
    (void)operator;
    return "CPUExecutionProvider";
}

static int uint8(const Operator *operator, size_t index)
{
    (void)operator, (void)index;
    return UINT8;
}

static size_t two(const Operator *operator)
{
    (void)operator;
    return 2;
}

static size_t one(const Operator *operator)
{
    (void)operator;
    return 1;
}

static int required(const Operator *operator, size_t index)
{
    (void)operator, (void)index;
    return REQUIRED;
}

static int zero(const Operator *operator, size_t index)
{
    (void)operator, (void)index;
    return 0;
}

static int none(const Operator *operator)
{
    (void)operator;
    return 0;
}

static int first(const Operator *operator)
{
    (void)operator;
    return 1;
}

static int last(const Operator *operator)
{
    (void)operator;
    return INT32_MAX;
}

/* The output may take the memory of the first input. */
static size_t in_place(int **inputs, int **outputs)
{
    static int input, output;
    *inputs = &input, *outputs = &output;
    return 1;
}

static void nothing(int *inputs, int *outputs)
{
    (void)inputs, (void)outputs;
}

static const Operator table = {
    .interface = INTERFACE,
    .name = table_name,
    .provider = on_cpu,
    .input_type = uint8,
    .inputs = two,
    .output_type = uint8,
    .outputs = one,
    .destroy = destroy,
    .input_kind = required,
    .output_kind = required,
    .input_memory = zero,
    .least_inputs = none,
    .like_inputs = none,
    .least_outputs = none,
    .like_outputs = none,
    .create = create,
    .compute = compute_table,
    .first_version = first,
    .last_version = last,
    .in_place = in_place,
    .release_in_place = nothing,
};

/* What ONNX Runtime calls for each session's options; the domain is made once and stays. */
EXPORT Status *RegisterCustomOps(Options *options, const Base *base)
{
    const Function *functions = base->interface(INTERFACE);
    if (!functions)
        return ((CreateStatus)base->interface(1)[CREATE_STATUS])(FAILED, "raypipe needs ONNX Runtime 1.23 or later");
    api = functions;
    if (!domain) {
        Domain *made;
        TRY(((CreateDomain)api[CREATE_DOMAIN])("raypipe", &made));
        TRY(((AddOperator)api[ADD_OPERATOR])(made, &table));
        Domain *before = NULL;
        if (!__atomic_compare_exchange_n(&domain, &before, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            ((Release)api[RELEASE_DOMAIN])(made);
    }
    return ((AddDomain)api[ADD_DOMAIN])(options, domain);
}

/* A lookup in one of the ways, for tests: 0 if the CPU does not have it. */
EXPORT int operators_look_up(int way, const uint8_t *table, const uint8_t *from, uint8_t *to, size_t count)
{
    if (way > best_way())
        return 0;
    look_up(way, table, from, to, count);
    return 1;
}

/* Which sources the library is made of, so that native.py takes no other: hatch_build.py defines SOURCES. */
EXPORT const char *operators_sources(void)
{
    return SOURCES;
}
