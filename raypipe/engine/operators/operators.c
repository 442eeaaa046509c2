/* Operators for ONNX Runtime on CPUs, domain `raypipe`: what it lacks, or does slowly, in int8 networks. Pictures are
   uint8 tensors (n, height, width, channels). */

#include "cpu.h"
#include "operators.h"

enum { MOST_INPUTS = 6 };

/* An operator, and what its functions say. */
typedef struct {
    Operator operator;
    const char *name;
    size_t inputs, required;
    int types[MOST_INPUTS];
} Described;

static const char *name(const Operator *operator)
{
    return ((const Described *)operator)->name;
}

static const char *provider(const Operator *operator)
{
    (void)operator;
    return "CPUExecutionProvider";
}

static int input_type(const Operator *operator, size_t index)
{
    return ((const Described *)operator)->types[index];
}

static size_t inputs(const Operator *operator)
{
    return ((const Described *)operator)->inputs;
}

static int uint8(const Operator *operator, size_t index)
{
    (void)operator, (void)index;
    return UINT8;
}

static size_t one(const Operator *operator)
{
    (void)operator;
    return 1;
}

static int input_kind(const Operator *operator, size_t index)
{
    return index < ((const Described *)operator)->required ? REQUIRED : OPTIONAL;
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

static int first_version(const Operator *operator)
{
    (void)operator;
    return 1;
}

static int last_version(const Operator *operator)
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

#define ABOUT(what)                                                                                                  \
    .interface = INTERFACE, .name = name, .provider = provider, .input_type = input_type, .inputs = inputs,         \
    .output_type = uint8, .outputs = one, .destroy = destroy, .input_kind = input_kind, .output_kind = zero,              \
    .input_memory = zero, .least_inputs = none, .like_inputs = none, .least_outputs = none, .like_outputs = none,   \
    .create = create, .compute = what, .first_version = first_version, .last_version = last_version

static const Described operators[] = {
    {{ABOUT(table), .in_place = in_place, .release_in_place = nothing}, "Table", 2, 2, {UINT8, UINT8}},
    {{ABOUT(upsample)}, "Upsample", 2, 2, {UINT8, INT32}},
    {{ABOUT(convolution)}, "Convolution", 6, 5, {UINT8, INT8, INT32, FLOAT, INT32, UINT8}},
    {{ABOUT(gate)}, "Gate", 4, 4, {UINT8, UINT8, INT32, FLOAT}},
    {{ABOUT(greatest)}, "Greatest", 1, 1, {UINT8}},
    {{ABOUT(join)}, "Join", 2, 2, {UINT8, UINT8}},
    {{ABOUT(average)}, "Average", 3, 3, {UINT8, INT32, FLOAT}},
};

static Domain *domain;

/* What ONNX Runtime calls for each session's options; the domain is made once and stays. */
EXPORT Status *RegisterCustomOps(Options *options, const Base *base)
{
    const Function *api = base->interface(INTERFACE);
    if (!api)
        return ((CreateStatus)base->interface(1)[CREATE_STATUS])(FAILED, "raypipe needs ONNX Runtime 1.23 or later");
    use_interface(api);
    if (!domain) {
        Domain *made, *before = NULL;
        TRY(((CreateDomain)api[CREATE_DOMAIN])("raypipe", &made));
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            TRY(((AddOperator)api[ADD_OPERATOR])(made, &operators[i]));
        if (!__atomic_compare_exchange_n(&domain, &before, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            ((Release)api[RELEASE_DOMAIN])(made);
    }
    return ((AddDomain)api[ADD_DOMAIN])(options, domain);
}

/* Lets operators use no faster way than this, for tests, and returns the fastest that is left. */
EXPORT int operators_limit(int way)
{
    limit_way(way);
    return best_way();
}

/* Which instructions they use, for people. */
EXPORT const char *operators_instructions(void)
{
    static const char *const names[] = {
        [PLAIN] = "no vectors",
#if defined(__aarch64__)
        [VECTORS] = "NEON with dot products",
#else
        [VECTORS] = "AVX2",
#endif
        [I8MM] = "NEON with products of matrices",
        [AVX_VNNI] = "AVX-VNNI",
        [AVX512_VNNI] = "AVX-512 VNNI",
        [AVX512_VBMI] = "AVX-512 VNNI and VBMI",
        [AMX] = "AMX",
    };
    return names[best_way()];
}

/* Which sources the library is made of, so that native.py takes no other: hatch_build.py defines SOURCES. */
EXPORT const char *operators_sources(void)
{
    return SOURCES;
}
