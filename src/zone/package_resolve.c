/* What a package asks for in one zone, in the order in which the parts depend on each other. */
#include "zone/package_parts.h"

int application_package_resolve(struct arena *arena, const struct application_package *package,
                                const struct package_target *target, struct wanted_deployment *wanted,
                                struct error *err)
{
    *wanted = (struct wanted_deployment){0};
    struct resolving resolving = {.arena = arena, .package = package, .target = target, .wanted = wanted};
    if (package_check_overrides(arena, package, target->now_ms, err) < 0 ||
        package_find_place(&resolving, err) < 0 || package_take_account(&resolving, err) < 0 ||
        package_take_tags(&resolving, err) < 0 || package_take_clusters(&resolving, err) < 0)
        return -1;
    return package_take_endpoints(&resolving, err);
}

int application_package_account(struct arena *arena, const struct application_package *package,
                                const struct zone_id *zone, const char *instance, const char **account,
                                struct error *err)
{
    struct wanted_deployment wanted = {0};
    const struct package_target target = {.zone = zone, .instance = instance, .cloud = "aws"};
    struct resolving resolving = {.arena = arena, .package = package, .target = &target, .wanted = &wanted};
    *account = NULL;
    if (package_find_place(&resolving, err) < 0 || package_take_account(&resolving, err) < 0)
        return -1;
    *account = wanted.account;
    return 0;
}
