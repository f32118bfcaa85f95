#include "configserver/decide/endpoint.h"

#include "base/buffer.h"
#include "base/text.h"
#include "configserver/records/life.h"
#include "identity/key.h"

#include <string.h>

enum { SETTINGS_LONGEST = 64 << 10 };

struct endpoint_settings endpoint_settings_of(const struct cluster *cluster)
{
    return cluster->endpoint ? *cluster->endpoint : (struct endpoint_settings){.is_public = true};
}

bool endpoint_settings_equal(const struct endpoint_settings *left, const struct endpoint_settings *right)
{
    if (left->is_public != right->is_public || left->is_private != right->is_private ||
        left->allowed_arn_count != right->allowed_arn_count)
        return false;
    for (size_t i = 0; i < left->allowed_arn_count; i++)
        if (!text_equal(left->allowed_arns[i], right->allowed_arns[i]))
            return false;
    return true;
}

char *endpoint_settings_hash(struct arena *arena, const struct endpoint_settings *settings,
                             const struct application *application, const char *cluster)
{
    size_t tag_count;
    const struct resource_tag *tags = application_tags(application, cluster, &tag_count);
    cleanup(buffer_free) struct buffer text = buffer_new(SETTINGS_LONGEST);
    buffer_format(&text, "%d %d\n", settings->is_public, settings->is_private);
    for (size_t i = 0; i < settings->allowed_arn_count; i++)
        buffer_format(&text, "%s\n", settings->allowed_arns[i]);
    for (size_t i = 0; i < tag_count; i++)
        buffer_format(&text, "%s=%s\n", tags[i].key, tags[i].value);
    return sha256_hex(arena, buffer_string(&text), text.length);
}

char *endpoint_id(struct arena *arena, const char *application, const char *cluster)
{
    return arena_format(arena, "%s:%s", application, cluster);
}

char *endpoint_cloud_name(struct arena *arena, const char *zone, const char *id)
{
    const char *seed = arena_format(arena, "%s %s", zone, id);
    return arena_format(arena, "vespa-%.24s", sha256_hex(arena, seed, strlen(seed)));
}

/* "com.amazonaws.vpce.us-east-1.vpce-svc-0ab1" -> "*.vpce-svc-0ab1.us-east-1.vpce.amazonaws.com" */
static char *consumers_name(struct arena *arena, const char *service_name)
{
    static const char prefix[] = "com.amazonaws.vpce.";
    if (!service_name || strncmp(service_name, prefix, strlen(prefix)) != 0)
        return NULL;
    const char *region = service_name + strlen(prefix), *service = strchr(region, '.');
    if (!service)
        return NULL;
    return arena_format(arena, "*.%s.%.*s.vpce.amazonaws.com", service + 1, (int)(service - region), region);
}

size_t endpoint_names(struct arena *arena, const struct load_balancer *balancer,
                      const char *names[ENDPOINT_NAMES])
{
    size_t count = 0;
    if (balancer->dns_name)
        names[count++] = balancer->dns_name;
    const char *consumers = consumers_name(arena, balancer->service_name);
    if (consumers)
        names[count++] = consumers;
    return count;
}

static bool is_certified(const struct node *node, const char *name)
{
    for (size_t i = 0; i < node->certificate_name_count; i++)
        if (text_equal(node->certificate_names[i], name))
            return true;
    return false;
}

bool endpoint_may_have(const struct view *view, const struct load_balancer *balancer, const struct node *node)
{
    if (node->state != NODE_ACTIVE || node->parting_since || !text_equal(node->cluster, balancer->cluster) ||
        !balancer->dns_name || !is_certified(node, balancer->dns_name))
        return false;
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    return host && host->node_address;
}

bool endpoint_is_certified(const struct view *view, const struct load_balancer *balancer)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *names[ENDPOINT_NAMES];
    size_t count = endpoint_names(arena, balancer, names), serving = 0;
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node) {
        if (!endpoint_may_have(view, balancer, node))
            continue;
        serving++;
        for (size_t i = 0; i < count; i++)
            if (!is_certified(node, names[i]))
                return false;
    }
    return serving > 0;
}
