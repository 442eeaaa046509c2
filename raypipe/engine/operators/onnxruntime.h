/* The few parts of ONNX Runtime's C interface that operators need, declared here because its Python packages bring no
   header. Places in the table of functions and members of structs never change, they are only added to (facts from
   onnxruntime_c_api.h of ONNX Runtime 1.23 and 1.31). */

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* The interface of ONNX Runtime 1.23, the lowest version that raypipe runs with. */
enum { INTERFACE = 23 };

typedef struct Status Status; /* an error, or NULL */
typedef struct Options Options;
typedef struct Domain Domain;
typedef struct Info Info;
typedef struct Context Context;
typedef struct Value Value;
typedef struct Shape Shape;

typedef void (*Function)(void);

typedef struct {
    const Function *(*interface)(uint32_t version); /* NULL where this ONNX Runtime is older */
    const char *(*version)(void);
} Base;

/* Where functions are in the table, and what they are. */
enum {
    CREATE_STATUS = 0,
    CREATE_DOMAIN = 26,
    ADD_OPERATOR = 27,
    ADD_DOMAIN = 28,
    DATA = 51,
    DIMENSIONS_COUNT = 61,
    DIMENSIONS = 62,
    SHAPE = 65,
    INPUTS_COUNT = 88,
    INPUT = 90,
    OUTPUT = 91,
    RELEASE_SHAPE = 99,
    RELEASE_DOMAIN = 101,
    PARALLEL = 274
};
typedef Status *(*CreateStatus)(int code, const char *message);
typedef Status *(*CreateDomain)(const char *name, Domain **);
typedef Status *(*AddOperator)(Domain *, const void *operator);
typedef Status *(*AddDomain)(Options *, Domain *);
typedef Status *(*Data)(Value *, void **);
typedef Status *(*DimensionsCount)(const Shape *, size_t *);
typedef Status *(*Dimensions)(const Shape *, int64_t *, size_t);
typedef Status *(*ShapeOf)(const Value *, Shape **);
typedef Status *(*InputsCount)(const Context *, size_t *);
typedef Status *(*Input)(const Context *, size_t, const Value **);
typedef Status *(*Output)(Context *, size_t, const int64_t *dimensions, size_t count, Value **);
typedef void (*Release)(void *);
typedef Status *(*Parallel)(const Context *, void (*)(void *, size_t), size_t total, size_t batches, void *);

enum { REQUIRED, OPTIONAL };                        /* kinds of inputs and outputs */
enum { FAILED = 1, INVALID_ARGUMENT = 2 };          /* codes of a status */
enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6 }; /* types of elements */

/* An operator: what ONNX Runtime asks about it, and its work. Members that are NULL are optional. */
typedef struct Operator Operator;
struct Operator {
    uint32_t interface;
    void *(*old_create)(const Operator *, const Function *, const Info *);
    const char *(*name)(const Operator *);
    const char *(*provider)(const Operator *);
    int (*input_type)(const Operator *, size_t);
    size_t (*inputs)(const Operator *);
    int (*output_type)(const Operator *, size_t);
    size_t (*outputs)(const Operator *);
    void (*old_compute)(void *, Context *);
    void (*destroy)(void *);
    int (*input_kind)(const Operator *, size_t);
    int (*output_kind)(const Operator *, size_t);
    int (*input_memory)(const Operator *, size_t);
    int (*least_inputs)(const Operator *);
    int (*like_inputs)(const Operator *);
    int (*least_outputs)(const Operator *);
    int (*like_outputs)(const Operator *);
    Status *(*create)(const Operator *, const Function *, const Info *, void **);
    Status *(*compute)(void *, Context *);
    Status *(*infer)(const Operator *, void *);
    int (*first_version)(const Operator *);
    int (*last_version)(const Operator *);
    size_t (*in_place)(int **inputs, int **outputs);
    void (*release_in_place)(int *, int *);
    size_t (*aliases)(int **, int **);
    void (*release_aliases)(int *, int *);
};
