#include "localaws/elb/elb.h"

#include "base/text.h"

const struct attribute_default balancer_attributes[] = {
    {"access_logs.s3.enabled", "false"},
    {"access_logs.s3.bucket", ""},
    {"access_logs.s3.prefix", ""},
    {"deletion_protection.enabled", "false"},
    {"ipv6.deny_all_igw_traffic", NULL}, /* by the scheme */
    {"load_balancing.cross_zone.enabled", "false"},
    {"dns_record.client_routing_policy", "any_availability_zone"},
    {"zonal_shift.config.enabled", "false"},
    {"secondary_ips.auto_assigned.per_subnet", "0"},
    {NULL, NULL},
};
const struct attribute_default target_group_attributes[] = {
    {"deregistration_delay.timeout_seconds", "300"},
    {"deregistration_delay.connection_termination.enabled", "false"},
    {"stickiness.enabled", "false"},
    {"stickiness.type", "source_ip"},
    {"proxy_protocol_v2.enabled", "false"},
    {"preserve_client_ip.enabled", "false"},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration"},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1"},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"},
    {"target_health_state.unhealthy.connection_termination.enabled", "true"},
    {"target_health_state.unhealthy.draining_interval_seconds", "0"},
    {NULL, NULL},
};
const struct attribute_default listener_attributes[] = {
    {"tcp.idle_timeout.seconds", "350"},
    {NULL, NULL},
};

static const struct tag *find(const struct tag *set, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(set[i].key, key))
            return &set[i];
    return NULL;
}

const char *attribute_value(const struct attribute_default *defaults, const struct tag *set, size_t count,
                            const char *key)
{
    const struct tag *attribute = find(set, count, key);
    if (attribute)
        return attribute->value;
    for (; defaults->key; defaults++)
        if (text_equal(defaults->key, key))
            return defaults->value;
    return NULL;
}

void put_attributes(struct buffer *out, const struct attribute_default *defaults, const struct tag *set,
                    size_t count)
{
    put_open(out, "Attributes");
    for (const struct attribute_default *one = defaults; one->key; one++) {
        put_open(out, "member");
        put_text(out, "Key", one->key);
        put_text(out, "Value", attribute_value(defaults, set, count, one->key));
        put_close(out, "member");
    }
    put_close(out, "Attributes");
}

static bool known(const struct attribute_default *defaults, const char *key)
{
    while (defaults->key && !text_equal(defaults->key, key))
        defaults++;
    return defaults->key != NULL;
}

int attributes_take(struct call *call, const struct attribute_default *defaults, struct tag **set,
                    size_t *count, struct error *err)
{
    const char *key;
    for (size_t i = 1; (key = call_parameter(call, "Attributes.member.%zu.Key", i)); i++)
        if (!known(defaults, key))
            return call_fail(call, err, 400, "ValidationError", "The attribute '%s' is not known", key);
        else if (text_check(call, key, call_parameter(call, "Attributes.member.%zu.Value", i), 1024, err) < 0)
            return -1;
    for (size_t i = 1; (key = call_parameter(call, "Attributes.member.%zu.Key", i)); i++) {
        const char *value = call_parameter(call, "Attributes.member.%zu.Value", i);
        struct tag *attribute = (struct tag *)(uintptr_t)find(*set, *count, key);
        if (!attribute) {
            attribute = list_add(set, count, sizeof *attribute);
            attribute->key = memory_strdup(key);
        }
        text_replace(&attribute->value, value ? value : "");
    }
    region_changed(call->region);
    return 0;
}
