/* DHCP options sets, as far as a VPC here can follow them: its resolver is always the region's own, so a set
 * that names other servers is refused and what is left is kept for those who read it back. */
#include "localaws/ec2/ec2.h"

#include "base/text.h"

enum { MOST_OPTIONS = 8, MOST_VALUES = 4 };

static const struct field dhcp_option_fields[] = {
    FIELD_TEXT(struct dhcp_option, key, "key", REQUIRED, 64, NULL, "name of the option"),
    FIELD_LIST(struct dhcp_option, values, value_count, "values", OPTIONAL, MOST_VALUES, &text_record,
               "its values"),
    FIELD_END,
};
static const struct record dhcp_option_record = {"dhcpOption", sizeof(struct dhcp_option),
                                                 dhcp_option_fields};
static const struct field dhcp_options_fields[] = {
    RESOURCE_FIELDS(struct dhcp_options),
    FIELD_LIST(struct dhcp_options, options, option_count, "options", OPTIONAL, MOST_OPTIONS,
               &dhcp_option_record, "the options"),
    FIELD_END,
};
static const struct record dhcp_options_record = {"dhcpOptions", sizeof(struct dhcp_options),
                                                  dhcp_options_fields};

static bool filter_key(const struct resource *resource, const struct wanted *wanted)
{
    const struct dhcp_options *set = (const struct dhcp_options *)(const void *)resource;
    for (size_t i = 0; i < set->option_count; i++)
        if (wanted_has(wanted, set->options[i].key))
            return true;
    return false;
}

static bool filter_value_of_any(const struct resource *resource, const struct wanted *wanted)
{
    const struct dhcp_options *set = (const struct dhcp_options *)(const void *)resource;
    for (size_t i = 0; i < set->option_count; i++)
        for (size_t j = 0; j < set->options[i].value_count; j++)
            if (wanted_has(wanted, set->options[i].values[j]))
                return true;
    return false;
}

static const struct filter dhcp_options_filters[] = {
    FILTER_TEXT("dhcp-options-id", struct dhcp_options, resource.id),
    FILTER_CALL("key", filter_key),
    FILTER_CALL("value", filter_value_of_any),
    FILTER_END,
};

static void dhcp_options_write(struct buffer *out, const struct resource *resource)
{
    const struct dhcp_options *set = (const struct dhcp_options *)(const void *)resource;
    put_text(out, "dhcpOptionsId", resource->id);
    put_text(out, "ownerId", resource->account->id);
    put_open(out, "dhcpConfigurationSet");
    for (size_t i = 0; i < set->option_count; i++) {
        put_open(out, "item");
        put_text(out, "key", set->options[i].key);
        put_open(out, "valueSet");
        for (size_t j = 0; j < set->options[i].value_count; j++) {
            put_open(out, "item");
            put_text(out, "value", set->options[i].values[j]);
            put_close(out, "item");
        }
        put_close(out, "valueSet");
        put_close(out, "item");
    }
    put_close(out, "dhcpConfigurationSet");
    put_tags(out, resource);
}

const struct kind dhcp_options_kind = {
    .number = KIND_DHCP_OPTIONS,
    .type = "dhcp-options",
    .prefix = "dopt",
    .parameter = "DhcpOptionsId",
    .missing = "InvalidDhcpOptionID.NotFound",
    .set = "dhcpOptionsSet",
    .record = &dhcp_options_record,
    .filters = dhcp_options_filters,
    .write = dhcp_options_write,
};

/* One option of the call, checked.
 * https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html */
static int read_option(struct call *call, size_t number, struct dhcp_option *option, struct error *err)
{
    static const char *const known[] = {"domain-name",       "domain-name-servers",
                                        "ntp-servers",       "netbios-name-servers",
                                        "netbios-node-type", "ipv6-address-preferred-lease-time"};
    const char *key = call_parameter(call, "DhcpConfiguration.%zu.Key", number);
    const char **values = call_list(call, arena_format(call->arena, "DhcpConfiguration.%zu.Value", number),
                                    &option->value_count);
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        found = found || text_equal(key, known[i]);
    if (!found || option->value_count == 0)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter dhcp-option-name is invalid or has no value.", key);
    if (room_check(call, "values of a DHCP option", option->value_count, MOST_VALUES, err) < 0)
        return -1;
    if (text_equal(key, "domain-name-servers") &&
        (option->value_count > 1 || !text_equal(values[0], "AmazonProvidedDNS")))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "This region's VPCs have no name server but AmazonProvidedDNS");
    option->key = arena_strdup(call->arena, key);
    option->values = arena_alloc(call->arena, option->value_count * sizeof *option->values);
    for (size_t i = 0; i < option->value_count; i++)
        option->values[i] = arena_strdup(call->arena, values[i]);
    return 0;
}

int dhcp_options_create(struct call *call, struct error *err)
{
    struct dhcp_option options[MOST_OPTIONS] = {0};
    struct dhcp_options draft = {.options = options};
    while (call_parameter(call, "DhcpConfiguration.%zu.Key", draft.option_count + 1)) {
        if (room_check(call, "DHCP options", draft.option_count + 1, MOST_OPTIONS, err) < 0 ||
            read_option(call, draft.option_count + 1, &options[draft.option_count], err) < 0)
            return -1;
        draft.option_count++;
    }
    if (draft.option_count == 0)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter dhcpConfiguration");
    if (call_tags(call, "dhcp-options", &draft.resource, err) < 0 ||
        creation_authorize(call, &dhcp_options_kind, &draft.resource, err) < 0)
        return -1;
    if (draft_check(call, &dhcp_options_record, &draft, err) < 0)
        return -1;
    struct resource *made = resource_add(call->region, call->account, &dhcp_options_kind, &draft);
    put_open(&call->answer, "dhcpOptions");
    dhcp_options_write(&call->answer, made);
    put_close(&call->answer, "dhcpOptions");
    return 0;
}

int dhcp_options_delete(struct call *call, struct error *err)
{
    struct dhcp_options *set;
    if (resource_target(call, &dhcp_options_kind, "DhcpOptionsId", &set, err) < 0)
        return -1;
    for_each_resource(struct vpc, vpc, call->account, &vpc_kind)
        if (text_equal(vpc->dhcp_options_id, set->resource.id))
            return call_fail(call, err, 400, "DependencyViolation",
                             "The dhcpOptions '%s' has dependencies and cannot be deleted.",
                             set->resource.id);
    resource_remove(call->region, &set->resource);
    put_true(call);
    return 0;
}

int dhcp_options_associate(struct call *call, struct error *err)
{
    struct vpc *vpc;
    struct dhcp_options *set = NULL;
    const char *id;
    if (call_required(call, "DhcpOptionsId", &id, err) < 0 ||
        resource_target(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        (!text_equal(id, "default") &&
         resource_named(call, &dhcp_options_kind, "DhcpOptionsId", &set, err) < 0))
        return -1;
    text_replace(&vpc->dhcp_options_id, set ? set->resource.id : NULL);
    region_changed(call->region);
    put_true(call);
    return 0;
}

int dhcp_options_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &dhcp_options_kind, err);
}
