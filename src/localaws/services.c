#include "localaws/services.h"

#include "base/text.h"

#include <string.h>

/* S3 has no actions by name: it is routed by method and path (s3_handle). */
static const struct service s3_service = {.name = "s3", .iam_prefix = "s3", .protocol = PROTOCOL_S3};

static const struct service *const services[] = {&acm_service, &cloudtrail_service, &ec2_service,
                                                 &elb_service, &iam_service,        &kms_service,
                                                 &s3_service,  &ssm_service,        &sts_service};

const struct module *const region_modules[] = {&iam_module, &kms_module, &ssm_module, &s3_module,
                                               &ec2_module, &acm_module, &elb_module};
const size_t region_module_count = COUNT_OF(region_modules);

const struct service *service_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (text_equal(services[i]->name, name))
            return services[i];
    return NULL;
}

const struct service *service_by_target(const char *target)
{
    const char *dot = strrchr(target, '.'); /* CloudTrail's prefix has dots of its own */
    if (!dot)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        const char *prefix = services[i]->target_prefix;
        if (prefix && strlen(prefix) == (size_t)(dot - target) && text_starts(target, prefix))
            return services[i];
    }
    return NULL;
}

const struct action *service_action(const struct service *service, const char *name)
{
    for (const struct action *action = service->actions; action && action->name; action++)
        if (text_equal(action->name, name))
            return action;
    return NULL;
}
