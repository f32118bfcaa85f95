#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

/* What an attribute may be set to: one of the words, or a number. */
#define FLAG              .words = "true false"
#define NUMBER(low, high) .minimum = (low), .maximum = (high)

const struct attribute_default balancer_attributes[] = {
    {"access_logs.s3.enabled", "false", .words = "false"}, /* nothing writes them */
    {"access_logs.s3.bucket", ""},
    {"access_logs.s3.prefix", ""},
    {"deletion_protection.enabled", "false", FLAG},
    {"ipv6.deny_all_igw_traffic", NULL, FLAG}, /* by the scheme */
    {"load_balancing.cross_zone.enabled", "false", FLAG},
    {"dns_record.client_routing_policy", "any_availability_zone", .words = "any_availability_zone"},
    {"zonal_shift.config.enabled", "false", FLAG},
    {"secondary_ips.auto_assigned.per_subnet", "0", NUMBER(0, 0)},
    {NULL, NULL},
};
const struct attribute_default target_group_attributes[] = {
    {"deregistration_delay.timeout_seconds", "300", NUMBER(0, 3600)},
    {"deregistration_delay.connection_termination.enabled", "false", FLAG},
    {"stickiness.enabled", "false", FLAG},
    {"stickiness.type", "source_ip", .words = "source_ip"},
    {"proxy_protocol_v2.enabled", "false", FLAG},
    {"preserve_client_ip.enabled", NULL, FLAG}, /* by the targets' type and the protocol */
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
     .words = "true false use_load_balancer_configuration"},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1", .words = "off", NUMBER(1, 1000)},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", .words = "off",
     NUMBER(1, 100)},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", NUMBER(1, 1000)},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", .words = "off",
     NUMBER(1, 100)},
    {"target_health_state.unhealthy.connection_termination.enabled", "true", FLAG},
    {"target_health_state.unhealthy.draining_interval_seconds", "0", NUMBER(0, 0)},
    {NULL, NULL},
};
const struct attribute_default listener_attributes[] = {
    {"tcp.idle_timeout.seconds", "350", NUMBER(60, 6000)},
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

static bool has_word(const char *words, const char *value)
{
    size_t length = strlen(value);
    while (words && length) {
        if (strncmp(words, value, length) == 0 && (words[length] == ' ' || words[length] == '\0'))
            return true;
        words = strchr(words, ' ');
        words += words != NULL;
    }
    return false;
}

static int check_one(struct call *call, const struct attribute_default *defaults, const char *key,
                     const char *value, struct error *err)
{
    int64_t number;
    while (defaults->key && !text_equal(defaults->key, key))
        defaults++;
    if (!defaults->key)
        return call_fail(call, err, 400, "ValidationError", "Attribute key '%.128s' is not recognized", key);
    bool any = !defaults->words && !defaults->maximum && !text_equal(defaults->value, "0");
    if (!any && !has_word(defaults->words, value) &&
        (!(defaults->maximum || text_equal(defaults->value, "0")) ||
         text_number(value, defaults->minimum, defaults->maximum, key, &number, NULL) < 0))
        return call_fail(call, err, 400, "ValidationError",
                         "The value '%.64s' of attribute '%s' is not valid (or not supported by this region)",
                         value, key);
    return text_check(call, key, value, 1024, err);
}

int attributes_take(struct call *call, const struct attribute_default *defaults, struct tag **set,
                    size_t *count, struct error *err)
{
    const char *key;
    for (size_t i = 1; (key = call_parameter(call, "Attributes.member.%zu.Key", i)); i++) {
        const char *value = call_parameter(call, "Attributes.member.%zu.Value", i);
        if (check_one(call, defaults, key, value ? value : "", err) < 0)
            return -1;
    }
    for (size_t i = 1; (key = call_parameter(call, "Attributes.member.%zu.Key", i)); i++) {
        const char *value = call_parameter(call, "Attributes.member.%zu.Value", i);
        struct tag *attribute = (struct tag *)(uintptr_t)find(*set, *count, key);
        if (!attribute) {
            attribute = list_add(set, count, sizeof *attribute);
            attribute->key = memory_strdup(key);
        }
        text_replace(&attribute->value, value ? value : "");
    }
    account_changed(call->region, call->account);
    return 0;
}

/* Without a word of its own an `instance` target sees its clients, as everyone does who speaks UDP; an `ip`
 * target does not. */
const char *group_attribute(const struct target_group *group, const char *key)
{
    const char *value =
        attribute_value(target_group_attributes, group->attributes, group->attribute_count, key);
    if (value || !text_equal(key, "preserve_client_ip.enabled"))
        return value;
    return text_equal(group->target_type, "instance") || strstr(group->protocol, "UDP") ? "true" : "false";
}

bool group_flag(const struct target_group *group, const char *key)
{
    return text_equal(group_attribute(group, key), "true");
}

bool crosses_zones(const struct balancer *balancer, const struct target_group *group)
{
    const char *own = group_attribute(group, "load_balancing.cross_zone.enabled");
    if (!text_equal(own, "use_load_balancer_configuration"))
        return text_equal(own, "true");
    return text_equal(attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                      "load_balancing.cross_zone.enabled"),
                      "true");
}
