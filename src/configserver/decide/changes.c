/* What may become of a deployed application. Rules and names of overrides are Vespa's:
 * https://docs.vespa.ai/en/reference/validation-overrides.html. Unlike there, dev asks for them too: its data
 * is gone just the same. */
#include "base/text.h"
#include "configserver/decide/plan.h"

#define INVALID "INVALID_APPLICATION_PACKAGE"

static int refuse_unless_allowed(const struct plan *plan, const char *override_id, struct error *err,
                                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse_unless_allowed(const struct plan *plan, const char *override_id, struct error *err,
                                 const char *format, ...)
{
    if (application_package_allows(&plan->package, override_id, zone_now_ms(plan->zone)))
        return 0;
    va_list args;
    va_start(args, format);
    const char *what = arena_vformat(plan->arena, format, args);
    va_end(args);
    return error_code(err, ERROR_INVALID, INVALID,
                      "%s: %s. To allow this add <allow until='yyyy-mm-dd'>%s</allow> to "
                      "validation-overrides.xml, see "
                      "https://docs.vespa.ai/en/reference/validation-overrides.html",
                      override_id, what, override_id);
}

static const struct wanted_cluster *find_wanted(const struct plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->wanted.cluster_count; i++)
        if (text_equal(plan->wanted.clusters[i].id, id))
            return &plan->wanted.clusters[i];
    return NULL;
}

/* With a content cluster its data goes, with a container cluster its clients' way in. */
static int check_removal(const struct plan *plan, const struct cluster *old, struct error *err)
{
    if (old->type == CLUSTER_CONTENT)
        return refuse_unless_allowed(
            plan, "content-cluster-removal", err,
            "services.xml no longer has content cluster '%s': all its data would be lost", old->id);
    return refuse_unless_allowed(
        plan, "zone-endpoint-change", err,
        "services.xml no longer has container cluster '%s': its endpoint would be gone for its clients",
        old->id);
}

static int check_kind(const struct plan *plan, const struct cluster *old, const struct wanted_cluster *next,
                      struct error *err)
{
    (void)plan;
    if (next->type == (enum cluster_type)old->type)
        return 0;
    return error_code(
        err, ERROR_INVALID, INVALID,
        "services.xml: cluster '%s' (line %ld) was a %s cluster and cannot become another kind: "
        "give it another id",
        old->id, next->line, old->type == CLUSTER_CONTAINER ? "container" : "content");
}

static bool is_large_reduction(double old, double next)
{
    return next < 0.5 * old;
}

/* All nodes together, so that fewer larger nodes are no reduction. */
static int check_reduction(const struct plan *plan, const struct cluster *old,
                           const struct wanted_cluster *next, struct error *err)
{
    double before = (double)old->count, after = next->count.low;
    const struct wanted_resources *resources = &next->resources;
    if (!is_large_reduction(before * old->vcpu, after * resources->vcpu.low) &&
        !is_large_reduction(before * old->memory_gb, after * resources->memory_gb.low) &&
        !is_large_reduction(before * old->disk_gb, after * resources->disk_gb.low))
        return 0;
    return refuse_unless_allowed(plan, "resources-reduction", err,
                                 "services.xml: resource reduction in '%s' (line %ld) is too large: the new "
                                 "total must be at least 50%% of "
                                 "the current in all dimensions. Current: %g nodes of %g vcpu, %g GB, disk "
                                 "%g GB; new: %g of %g vcpu, %g GB, "
                                 "disk %g GB",
                                 old->id, next->line, before, old->vcpu, old->memory_gb, old->disk_gb, after,
                                 resources->vcpu.low, resources->memory_gb.low, resources->disk_gb.low);
}

static bool still_allows(const struct wanted_endpoint *endpoint, const char *arn)
{
    for (size_t i = 0; i < endpoint->allowed_arn_count; i++)
        if (text_equal(endpoint->allowed_arns[i], arn))
            return true;
    return false;
}

/* Clients must not lose their way in by a slip of the pen. */
static int check_endpoint(const struct plan *plan, const struct cluster *old,
                          const struct wanted_cluster *next, struct error *err)
{
    static const char override_id[] = "zone-endpoint-change";
    const struct endpoint_settings *before = old->endpoint;
    const struct wanted_endpoint *after = &next->endpoint;
    if (!before)
        return 0;
    if (before->is_public && !after->is_public &&
        refuse_unless_allowed(plan, override_id, err,
                              "deployment.xml: cluster '%s' has a public endpoint, which this disables",
                              old->id) < 0)
        return -1;
    if (before->is_private && !after->is_private &&
        refuse_unless_allowed(plan, override_id, err,
                              "deployment.xml: cluster '%s' has a private endpoint, which this removes",
                              old->id) < 0)
        return -1;
    for (size_t i = 0; before->is_private && after->is_private && i < before->allowed_arn_count; i++)
        if (!still_allows(after, before->allowed_arns[i]) &&
            refuse_unless_allowed(
                plan, override_id, err,
                "deployment.xml: cluster '%s' no longer allows %s to connect to its private "
                "endpoint",
                old->id, before->allowed_arns[i]) < 0)
            return -1;
    return 0;
}

static int check_account(const struct plan *plan, const struct application *old, struct error *err)
{
    const char *next = plan->deployment->account;
    if (text_equal(old->account, next))
        return 0;
    return error_code(
        err, ERROR_INVALID, "BAD_REQUEST",
        "%s runs in cloud account aws:%s and cannot move to aws:%s: the existing deployment must be "
        "removed before changing accounts",
        old->id, old->account, next);
}

static int check_clusters(const struct plan *plan, const struct cluster *old,
                          const struct wanted_cluster *next, struct error *err)
{
    static int (*const checks[])(const struct plan *, const struct cluster *, const struct wanted_cluster *,
                                 struct error *) = {check_kind, check_reduction, check_endpoint};
    for (size_t i = 0; i < COUNT_OF(checks); i++)
        if (checks[i](plan, old, next, err) < 0)
            return -1;
    return 0;
}

int plan_check_change(const struct plan *plan, const struct application *old, struct error *err)
{
    if (old->deleting)
        return error_code(err, ERROR_CONFLICT, "ACTIVATION_CONFLICT",
                          "%s is being deleted; deploy again when it is gone", old->id);
    if (check_account(plan, old, err) < 0)
        return -1;
    for (size_t i = 0; i < old->cluster_count; i++) {
        const struct cluster *cluster = &old->clusters[i];
        const struct wanted_cluster *next = find_wanted(plan, cluster->id);
        if ((next ? check_clusters(plan, cluster, next, err) : check_removal(plan, cluster, err)) < 0)
            return -1;
    }
    return 0;
}
