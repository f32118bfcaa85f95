#include "base/buffer.h"
#include "base/text.h"
#include "configserver/decide/instance_types.h"
#include "configserver/decide/plan.h"

static const char **architectures_of(const struct plan *plan)
{
    const char **names = arena_alloc(plan->arena, (plan->place.image_count + 1) * sizeof *names);
    for (size_t i = 0; i < plan->place.image_count; i++)
        names[i] = plan->place.images[i].architecture;
    return names;
}

static bool has_image_for(const struct plan *plan, const char *type_name)
{
    const struct instance_type *type = instance_type_find(type_name);
    for (size_t i = 0; type && i < plan->place.image_count; i++)
        if (text_equal(plan->place.images[i].architecture, type->architecture))
            return true;
    return false;
}

static bool asks_the_same(const struct cluster *old, const struct wanted_resources *wanted)
{
    return old->vcpu == wanted->vcpu.low && old->memory_gb == wanted->memory_gb.low &&
           old->disk_gb == wanted->disk_gb.low && old->max_cost_factor == wanted->max_cost_factor &&
           text_equal(old->architecture, wanted->architecture) &&
           text_equal(old->storage_type, wanted->storage_type);
}

static int choose_types(const struct plan *plan, const struct wanted_cluster *wanted,
                        const struct cluster *old, struct cluster *cluster, struct error *err)
{
    if (old && asks_the_same(old, &wanted->resources) && has_image_for(plan, old->instance_type)) {
        cluster->instance_type = old->instance_type;
        cluster->other_types = old->other_types;
        cluster->other_type_count = old->other_type_count;
        return 0;
    }
    /* A host's data lies on volumes under the tenant's key; a local disk has a key that is Amazon's. */
    if (text_equal(wanted->resources.storage_type, "local"))
        return error_code(err, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE",
                          "services.xml: cluster '%s' (line %ld): storage-type='local' is not offered: hosts "
                          "keep their data on volumes encrypted with your own key; write remote or any",
                          wanted->id, wanted->line);
    const struct instance_type **types;
    size_t count;
    if (instance_types_for(plan->arena, &wanted->resources, architectures_of(plan), plan->place.image_count,
                           &types, &count, err) < 0)
        return error_context(err, "services.xml: cluster '%s' (line %ld): <resources>", wanted->id,
                             wanted->line);
    cluster->instance_type = types[0]->name;
    cluster->other_types = arena_alloc(plan->arena, count * sizeof *cluster->other_types);
    for (size_t i = 1; i < count; i++)
        cluster->other_types[cluster->other_type_count++] = types[i]->name;
    return 0;
}

static struct resource_tag *take_tags(const struct plan *plan, const struct wanted_cluster *cluster)
{
    static const char *const type_names[] = {
        [CLUSTER_CONTAINER] = "container", [CLUSTER_CONTENT] = "content"};
    const struct wanted_deployment *wanted = &plan->wanted;
    struct resource_tag *tags = arena_alloc(plan->arena, (wanted->tag_count + 1) * sizeof *tags);
    const struct tag_names names = {&plan->deployment->id, &plan->zone->id, cluster ? cluster->id : NULL,
                                    cluster ? type_names[cluster->type] : NULL};
    for (size_t i = 0; i < wanted->tag_count; i++)
        tags[i] = (struct resource_tag){wanted->tags[i].key,
                                        resource_tag_value(plan->arena, &wanted->tags[i], &names)};
    return tags;
}

static struct endpoint_settings *take_endpoint(const struct plan *plan, const struct wanted_cluster *wanted)
{
    if (wanted->type != CLUSTER_CONTAINER)
        return NULL;
    struct endpoint_settings *endpoint = arena_alloc(plan->arena, sizeof *endpoint);
    *endpoint = (struct endpoint_settings){wanted->endpoint.is_public, wanted->endpoint.is_private,
                                           wanted->endpoint.allowed_arns, wanted->endpoint.allowed_arn_count};
    return endpoint;
}

static int plan_cluster(const struct plan *plan, const struct wanted_cluster *wanted,
                        const struct cluster *old, struct cluster *cluster, struct error *err)
{
    const struct wanted_resources *resources = &wanted->resources;
    const char *clients = plan->package.clients_pem;
    *cluster = (struct cluster){
        .id = wanted->id,
        .type = (int)wanted->type,
        .count = (int64_t)wanted->count.low,
        .groups = (int64_t)wanted->groups.low,
        .vcpu = resources->vcpu.low,
        .memory_gb = resources->memory_gb.low,
        .disk_gb = resources->disk_gb.low,
        .disk_speed = resources->disk_speed,
        .storage_type = resources->storage_type,
        .architecture = resources->architecture,
        .max_cost_factor = resources->max_cost_factor,
        .image = wanted->image ? wanted->image : plan->zone->config->node_image,
        .endpoint = take_endpoint(plan, wanted),
        .clients_pem = text_equal(wanted->clients_pem, clients) ? NULL : wanted->clients_pem,
        .tags = take_tags(plan, wanted),
        .tag_count = plan->wanted.tag_count,
    };
    return choose_types(plan, wanted, old, cluster, err);
}

int plan_clusters(struct plan *plan, const struct application *old, struct error *err)
{
    const struct wanted_deployment *wanted = &plan->wanted;
    plan->clusters = arena_alloc(plan->arena, wanted->cluster_count * sizeof *plan->clusters);
    plan->tags = take_tags(plan, NULL);
    for (size_t i = 0; i < wanted->cluster_count; i++) {
        const struct cluster *before = old ? application_cluster(old, wanted->clusters[i].id) : NULL;
        if (plan_cluster(plan, &wanted->clusters[i], before, &plan->clusters[i], err) < 0)
            return -1;
    }
    return 0;
}

int plan_check_quota(const struct plan *plan, struct error *err)
{
    int64_t hosts = 0, most = plan->zone->limits->application_hosts;
    for (size_t i = 0; i < plan->wanted.cluster_count; i++)
        hosts += (int64_t)plan->wanted.clusters[i].count.low;
    if (hosts <= most)
        return 0;
    return error_code(
        err, ERROR_INVALID, "QUOTA_EXCEEDED",
        "services.xml asks for %lld nodes, each with a host of its own; an application may have "
        "%lld here: ask for fewer, or ask the operator for more",
        (long long)hosts, (long long)most);
}

const char *plan_summary(const struct plan *plan)
{
    cleanup(buffer_free) struct buffer text = buffer_new(4096);
    for (size_t i = 0; i < plan->wanted.cluster_count && text.length < 700; i++)
        buffer_format(&text, "%s%s ×%lld (%s)", i ? ", " : "", plan->clusters[i].id,
                      (long long)plan->clusters[i].count, plan->clusters[i].instance_type);
    return arena_strdup(plan->arena, buffer_string(&text));
}
