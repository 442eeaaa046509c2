#include "tensors.h"

static const Function *api;

void use_interface(const Function *functions)
{
    api = functions;
}

Status *error(const char *message)
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

Status *input(const Context *context, size_t index, Tensor *found)
{
    const Value *value;
    Shape *shape;
    size_t given;
    *found = (Tensor){0};
    TRY(((InputsCount)api[INPUTS_COUNT])(context, &given));
    if (index >= given)
        return NULL;
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

Status *output(Context *context, const int64_t *sides, size_t dimensions, uint8_t **data)
{
    Value *value;
    TRY(((Output)api[OUTPUT])(context, 0, sides, dimensions, &value));
    return ((Data)api[DATA])(value, (void **)data);
}

Status *in_parallel(Context *context, void (*work)(void *, size_t), size_t count, void *given)
{
    return count ? ((Parallel)api[PARALLEL])(context, work, count, 0, given) : NULL;
}
