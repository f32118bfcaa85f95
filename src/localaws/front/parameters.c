#include "localaws/front/parameters.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

struct parameter {
    const char *name, *value; /* a NULL name is a free slot */
};

struct parameters {
    struct parameter *slots;
    size_t slot_count; /* a power of two, more than twice the parameters */
    const char **all;
    size_t count;
};

static struct parameter *slot_of(const struct parameters *parameters, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    size_t mask = parameters->slot_count - 1, slot = hash & mask;
    while (parameters->slots[slot].name && strcmp(parameters->slots[slot].name, name) != 0)
        slot = (slot + 1) & mask;
    return &parameters->slots[slot];
}

static int add(struct arena *arena, struct parameters *parameters, const char *part, struct error *err)
{
    const char *equals = strchrnul(part, '=');
    char *name, *value;
    if (percent_decode(arena, arena_strndup(arena, part, (size_t)(equals - part)), true, &name, err) < 0 ||
        percent_decode(arena, *equals ? equals + 1 : equals, true, &value, err) < 0)
        return -1;
    if (!text_utf8(name, strlen(name)) || !text_utf8(value, strlen(value)))
        return error_set(err, ERROR_INVALID, "a parameter is not UTF-8"); /* nor could it be saved as JSON */
    struct parameter *slot = slot_of(parameters, name);
    if (slot->name)
        return error_set(err, ERROR_INVALID, "parameter %.100s is given twice", name);
    *slot = (struct parameter){name, value};
    parameters->all[2 * parameters->count] = name;
    parameters->all[2 * parameters->count++ + 1] = value;
    return 0;
}

static struct parameters *with_room(struct arena *arena, size_t count)
{
    struct parameters *result = arena_alloc(arena, sizeof *result);
    for (result->slot_count = 16; result->slot_count <= 2 * count;)
        result->slot_count *= 2;
    result->slots = arena_alloc(arena, result->slot_count * sizeof *result->slots);
    result->all = arena_alloc(arena, 2 * count * sizeof *result->all);
    return result;
}

int parameters_parse(struct arena *arena, const char *text, struct parameters **parameters, struct error *err)
{
    char **parts;
    size_t count = text_split(arena, text, '&', &parts);
    if (count > PARAMETERS_MOST)
        return error_set(err, ERROR_INVALID, "more than %d parameters", PARAMETERS_MOST);
    struct parameters *result = with_room(arena, count);
    for (size_t i = 0; i < count; i++)
        if (*parts[i] && add(arena, result, parts[i], err) < 0)
            return -1;
    *parameters = result;
    return 0;
}

struct parameters *parameters_of(struct arena *arena, const char *const *pairs, size_t count)
{
    struct parameters *result = with_room(arena, count);
    for (size_t i = 0; i < count; i++) {
        struct parameter *slot = slot_of(result, pairs[2 * i]);
        if (slot->name)
            continue;
        *slot = (struct parameter){pairs[2 * i], pairs[2 * i + 1]};
        result->all[2 * result->count] = slot->name;
        result->all[2 * result->count++ + 1] = slot->value;
    }
    return result;
}

const char *parameters_get(const struct parameters *parameters, const char *name)
{
    return parameters ? slot_of(parameters, name)->value : NULL;
}

const char *const *parameters_all(const struct parameters *parameters, size_t *count)
{
    *count = parameters->count;
    return parameters->all;
}
