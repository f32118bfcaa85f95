#include "configserver/decide/instance_types.h"

#include "base/text.h"

struct family {
    const char *architecture, *small, *general, *memory; /* 2, 4 and 8 GiB a vcpu */
};

struct size {
    const char *name;
    double vcpu;
};

static const struct family families[] = {
    {"x86_64", "c6i", "m6i", "r6i"},
    {"arm64", "c7g", "m7g", "r7g"},
};

static const struct size sizes[] = {
    {"large", 2},    {"xlarge", 4},    {"2xlarge", 8},   {"4xlarge", 16},
    {"8xlarge", 32}, {"12xlarge", 48}, {"16xlarge", 64},
};

/* The family whose memory a vcpu is enough; NULL when none is. */
static const char *family_for(const struct family *family, double memory_per_vcpu)
{
    if (memory_per_vcpu <= 2)
        return family->small;
    if (memory_per_vcpu <= 4)
        return family->general;
    return memory_per_vcpu <= 8 ? family->memory : NULL;
}

int instance_type_for(struct arena *arena, double vcpu, double memory_gb, const char *architecture,
                      const char **type, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(families); j++) {
            if (sizes[i].vcpu < vcpu || !text_equal(families[j].architecture, architecture))
                continue;
            const char *family = family_for(&families[j], memory_gb / sizes[i].vcpu);
            if (!family)
                continue;
            *type = arena_format(arena, "%s.%s", family, sizes[i].name);
            return 0;
        }
    return error_code(
        err, ERROR_INVALID, "NODE_ALLOCATION_FAILURE",
        "no %s instance type has %g vcpu and %g GB of memory: ask for at most 64 vcpu and 512 GB",
        architecture, vcpu, memory_gb);
}
