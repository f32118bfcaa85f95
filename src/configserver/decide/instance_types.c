#include "configserver/decide/instance_types.h"

#include "base/text.h"

#include <stdio.h>

static const struct instance_type types_by_price[] = {
#include "configserver/decide/instance_types.inc"
};

/* Without a factor in services.xml: a type of the next size up is better than no host, one of ten times the
 * price is a surprise on the bill. */
static const double usual_cost_factor = 2;

const struct instance_type *instance_types_all(size_t *count)
{
    *count = COUNT_OF(types_by_price);
    return types_by_price;
}

const struct instance_type *instance_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(types_by_price); i++)
        if (text_equal(types_by_price[i].name, name))
            return &types_by_price[i];
    return NULL;
}

static double lacking(double has, double wanted)
{
    return has < wanted ? 1 - has / wanted : 0;
}

/* How much of what is wanted the type lacks, as a sum of shares; 0 when it fits. A volume can be of any size.
 */
static double shortfall(const struct instance_type *type, const struct wanted_resources *wanted)
{
    double local = text_equal(wanted->storage_type, "local") ? wanted->disk_gb.low : 0;
    return lacking(type->vcpu, wanted->vcpu.low) + lacking(type->memory_gb, wanted->memory_gb.low) +
           lacking(type->local_disk_gb, local);
}

static size_t find_fitting(const struct wanted_resources *wanted, const char *architecture,
                           const struct instance_type **found)
{
    double factor = wanted->max_cost_factor > 0 ? wanted->max_cost_factor : usual_cost_factor;
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(types_by_price) && count < INSTANCE_TYPES_MOST; i++) {
        const struct instance_type *type = &types_by_price[i];
        if (count > 0 && type->price > factor * found[0]->price)
            break;
        if (text_equal(type->architecture, architecture) && shortfall(type, wanted) <= 0)
            found[count++] = type;
    }
    return count;
}

static int refuse(const struct wanted_resources *wanted, const char *architecture, struct error *err)
{
    const struct instance_type *nearest = NULL;
    for (size_t i = 0; i < COUNT_OF(types_by_price); i++) {
        const struct instance_type *type = &types_by_price[i];
        if (text_equal(type->architecture, architecture) &&
            (!nearest || shortfall(type, wanted) < shortfall(nearest, wanted)))
            nearest = type;
    }
    bool local = text_equal(wanted->storage_type, "local");
    char disk[64] = "", offers[64] = "";
    if (local)
        snprintf(disk, sizeof disk, " and %g GB of local disk", wanted->disk_gb.low);
    if (local && nearest)
        snprintf(offers, sizeof offers, " and %g GB of local disk", nearest->local_disk_gb);
    return error_code(
        err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
        "no %s instance type has %g vcpu, %g GB of memory%s; the nearest, %s, has %g vcpu, %g GB%s",
        architecture, wanted->vcpu.low, wanted->memory_gb.low, disk, nearest ? nearest->name : "none",
        nearest ? nearest->vcpu : 0, nearest ? nearest->memory_gb : 0, offers);
}

int instance_types_for(struct arena *arena, const struct wanted_resources *wanted,
                       const char *const *architectures, size_t architecture_count,
                       const struct instance_type ***types, size_t *count, struct error *err)
{
    const char *refused = NULL;
    *types = arena_alloc(arena, INSTANCE_TYPES_MOST * sizeof **types);
    for (size_t i = 0; i < architecture_count; i++) {
        if (!text_equal(wanted->architecture, "any") && !text_equal(wanted->architecture, architectures[i]))
            continue;
        *count = find_fitting(wanted, architectures[i], *types);
        if (*count > 0)
            return 0;
        refused = refused ? refused : architectures[i];
    }
    if (refused)
        return refuse(wanted, refused, err);
    return error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                      "architecture='%s' is not one this zone has a host image for: %s%s%s",
                      wanted->architecture, architecture_count > 0 ? architectures[0] : "none",
                      architecture_count > 1 ? ", " : "", architecture_count > 1 ? architectures[1] : "");
}
