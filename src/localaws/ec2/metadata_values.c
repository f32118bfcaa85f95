/* The metadata tree: every path with what it leads to. */
#include "localaws/ec2/metadata_entries.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/ec2/event.h"

#include <string.h>

static char *ami_index(struct lookup *lookup)
{
    return arena_format(lookup->arena, "%d", (int)lookup->instance->launch_index);
}

static char *region_name(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, lookup->instance->resource.region->name);
}

static char *domain(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "amazonaws.com");
}

static char *partition(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "aws");
}

static char *nothing_asked(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "none");
}

static char *virtualization(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "default-hvm");
}

static char *hypervisor(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "nitro");
}

static char *life_cycle(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, "on-demand");
}

static char *zone_id(struct lookup *lookup)
{
    return arena_strdup(lookup->arena,
                        zone_id_of(lookup->instance->resource.region, lookup->arena, lookup->instance->zone));
}

static char *primary_mac(struct lookup *lookup)
{
    const struct interface *primary = instance_interface(lookup->instance, 0);
    return primary ? primary->mac : NULL;
}

static char *primary_ipv6(struct lookup *lookup)
{
    const struct interface *primary = instance_interface(lookup->instance, 0);
    return primary && primary->ipv6_count ? primary->ipv6_addresses[0] : NULL;
}

static char *primary_public(struct lookup *lookup)
{
    const struct interface *primary = instance_interface(lookup->instance, 0);
    return primary ? arena_strdup(lookup->arena, interface_public_address(primary)) : NULL;
}

static char *lines(struct lookup *lookup, char *const *texts, size_t count)
{
    char *all = NULL;
    for (size_t i = 0; i < count; i++)
        all = all ? arena_format(lookup->arena, "%s\n%s", all, texts[i]) : texts[i];
    return all;
}

static char *security_groups(struct lookup *lookup)
{
    const struct interface *primary = instance_interface(lookup->instance, 0);
    char *all = NULL;
    for (size_t i = 0; primary && i < primary->group_count; i++) {
        const struct group *group = resource_find(primary->resource.region, primary->resource.account,
                                                  &group_kind, primary->groups[i]);
        const char *name = group ? group->name : primary->groups[i];
        all = all ? arena_format(lookup->arena, "%s\n%s", all, name) : arena_strdup(lookup->arena, name);
    }
    return all;
}

/* Of the interface that {mac} names. */
static char *mac_owner(struct lookup *lookup)
{
    return arena_strdup(lookup->arena, lookup->interface->resource.account->id);
}

static char *mac_ipv4s(struct lookup *lookup)
{
    return lines(lookup, lookup->interface->addresses, lookup->interface->address_count);
}

static char *mac_ipv6s(struct lookup *lookup)
{
    return lines(lookup, lookup->interface->ipv6_addresses, lookup->interface->ipv6_count);
}

static char *mac_groups(struct lookup *lookup)
{
    return lines(lookup, lookup->interface->groups, lookup->interface->group_count);
}

static char *mac_device(struct lookup *lookup)
{
    return arena_format(lookup->arena, "%d", (int)lookup->interface->device_index);
}

static struct subnet *mac_subnet_of(struct lookup *lookup)
{
    const struct interface *interface = lookup->interface;
    return resource_find(interface->resource.region, interface->resource.account, &subnet_kind,
                         interface->subnet_id);
}

static struct vpc *mac_vpc_of(struct lookup *lookup)
{
    const struct interface *interface = lookup->interface;
    return resource_find(interface->resource.region, interface->resource.account, &vpc_kind,
                         interface->vpc_id);
}

static char *mac_subnet_ipv4(struct lookup *lookup)
{
    return mac_subnet_of(lookup)->cidr;
}

static char *mac_subnet_ipv6(struct lookup *lookup)
{
    return mac_subnet_of(lookup)->ipv6_cidr;
}

static char *mac_vpc_ipv4(struct lookup *lookup)
{
    return mac_vpc_of(lookup)->cidr;
}

static char *mac_vpc_ipv6(struct lookup *lookup)
{
    return mac_vpc_of(lookup)->ipv6_cidr;
}

static char *tag_value(struct lookup *lookup)
{
    if (!text_equal(lookup->instance->metadata_tags, "enabled"))
        return NULL;
    return arena_strdup(lookup->arena, resource_tag(&lookup->instance->resource, lookup->part));
}

static char *user_data(struct lookup *lookup)
{
    unsigned char *bytes;
    size_t length;
    if (!lookup->instance->user_data ||
        base64_decode(lookup->arena, lookup->instance->user_data, &bytes, &length, NULL) < 0)
        return NULL;
    lookup->content_type = "application/octet-stream";
    return (char *)bytes;
}

static char *json_of(struct lookup *lookup, json_t *json)
{
    char *text = json_pretty(lookup->arena, json);
    json_decref(json);
    lookup->content_type = "text/plain";
    return text;
}

static char *iam_info(struct lookup *lookup)
{
    const struct instance *instance = lookup->instance;
    if (!instance->profile_arn)
        return NULL;
    return json_of(lookup,
                   json_pack("{s:s, s:s, s:s, s:s}", "Code", "Success", "LastUpdated",
                             clock_rfc3339(lookup->arena, instance->launched_ms), "InstanceProfileArn",
                             instance->profile_arn, "InstanceProfileId", instance->profile_id));
}

static char *keys_text(struct lookup *lookup, bool own)
{
    struct instance_keys found;
    if (instance_keys(lookup->instance, lookup->arena, own, &found, lookup->err) < 0 ||
        (!own && !text_equal(found.role, lookup->part)))
        return NULL;
    return json_of(lookup, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Code", "Success", "LastUpdated",
                                     clock_rfc3339(lookup->arena, found.made_ms), "Type", "AWS-HMAC",
                                     "AccessKeyId", found.keys.access_key_id, "SecretAccessKey",
                                     found.keys.secret_access_key, "Token", found.keys.session_token,
                                     "Expiration", clock_rfc3339(lookup->arena, found.keys.expires_ms)));
}

static char *role_keys(struct lookup *lookup)
{
    return keys_text(lookup, false);
}

static char *identity_keys(struct lookup *lookup)
{
    return keys_text(lookup, true);
}

static char *identity_info(struct lookup *lookup)
{
    const struct instance *instance = lookup->instance;
    return json_of(lookup, json_pack("{s:s, s:s, s:s}", "Code", "Success", "LastUpdated",
                                     clock_rfc3339(lookup->arena, instance->launched_ms), "AccountId",
                                     instance->resource.account->id));
}

static char *public_key(struct lookup *lookup)
{
    const struct key_pair *pair =
        key_pair_find(lookup->instance->resource.account, lookup->instance->key_name);
    return pair ? arena_format(lookup->arena, "%s %s", pair->public_key, pair->name) : NULL;
}

static char *scheduled_events(struct lookup *lookup)
{
    return events_json(lookup->arena, lookup->instance, true);
}

static char *past_events(struct lookup *lookup)
{
    return events_json(lookup->arena, lookup->instance, false);
}

/* As EC2 writes it: these members, in this order, with a space on both sides of each colon. */
static char *identity_document(struct lookup *lookup)
{
    const struct instance *instance = lookup->instance;
    return arena_format(
        lookup->arena,
        "{\n  \"accountId\" : \"%s\",\n  \"architecture\" : \"%s\",\n  \"availabilityZone\" : \"%s\",\n"
        "  \"billingProducts\" : null,\n  \"devpayProductCodes\" : null,\n"
        "  \"marketplaceProductCodes\" : null,\n  \"imageId\" : \"%s\",\n  \"instanceId\" : \"%s\",\n"
        "  \"instanceType\" : \"%s\",\n  \"kernelId\" : null,\n  \"pendingTime\" : \"%s\",\n"
        "  \"privateIp\" : \"%s\",\n  \"ramdiskId\" : null,\n  \"region\" : \"%s\",\n"
        "  \"version\" : \"2017-09-30\"\n}",
        instance->resource.account->id, instance->architecture, instance->zone, instance->image_id,
        instance->resource.id, instance->type, clock_rfc3339(lookup->arena, instance->launched_ms),
        instance->private_address ? instance->private_address : "", instance->resource.region->name);
}

static char *identity_signature(struct lookup *lookup)
{
    char *signature, *pkcs7;
    return identity_document_sign(lookup->instance->resource.region, lookup->arena, identity_document(lookup),
                                  &signature, &pkcs7, lookup->err) < 0
               ? NULL
               : signature;
}

static char *identity_pkcs7(struct lookup *lookup)
{
    char *signature, *pkcs7;
    return identity_document_sign(lookup->instance->resource.region, lookup->arena, identity_document(lookup),
                                  &signature, &pkcs7, lookup->err) < 0
               ? NULL
               : pkcs7;
}

#define MACS "meta-data/network/interfaces/macs/{mac}/"

/* What a path leads to: a text of the instance or of the interface that {mac} names, or what a function
 * finds. */
#define TEXT(path_, member)                                                             \
    {                                                                                   \
        .path = (path_), .of = OF_INSTANCE, .offset = offsetof(struct instance, member) \
    }
#define MAC_TEXT(path_, member)                                                              \
    {                                                                                        \
        .path = MACS path_, .of = OF_INTERFACE, .offset = offsetof(struct interface, member) \
    }
#define FOUND(path_, function)                                  \
    {                                                           \
        .path = (path_), .of = OF_FUNCTION, .value = (function) \
    }

const struct metadata_entry metadata_entries[] = {
    FOUND("dynamic/instance-identity/document", identity_document),
    FOUND("dynamic/instance-identity/pkcs7", identity_pkcs7),
    FOUND("dynamic/instance-identity/rsa2048", identity_pkcs7),
    FOUND("dynamic/instance-identity/signature", identity_signature),
    TEXT("meta-data/ami-id", image_id),
    FOUND("meta-data/ami-launch-index", ami_index),
    FOUND("meta-data/events/maintenance/history", past_events),
    FOUND("meta-data/events/maintenance/scheduled", scheduled_events),
    TEXT("meta-data/hostname", private_dns),
    FOUND("meta-data/iam/info", iam_info),
    FOUND("meta-data/iam/security-credentials/{role}", role_keys),
    FOUND("meta-data/identity-credentials/ec2/info", identity_info),
    FOUND("meta-data/identity-credentials/ec2/security-credentials/ec2-instance", identity_keys),
    FOUND("meta-data/instance-action", nothing_asked),
    TEXT("meta-data/instance-id", resource.id),
    FOUND("meta-data/instance-life-cycle", life_cycle),
    TEXT("meta-data/instance-type", type),
    FOUND("meta-data/ipv6", primary_ipv6),
    TEXT("meta-data/local-hostname", private_dns),
    TEXT("meta-data/local-ipv4", private_address),
    FOUND("meta-data/mac", primary_mac),
    FOUND(MACS "device-number", mac_device),
    MAC_TEXT("interface-id", resource.id),
    FOUND(MACS "ipv6s", mac_ipv6s),
    FOUND(MACS "local-ipv4s", mac_ipv4s),
    MAC_TEXT("mac", mac),
    FOUND(MACS "owner-id", mac_owner),
    FOUND(MACS "security-group-ids", mac_groups),
    MAC_TEXT("subnet-id", subnet_id),
    FOUND(MACS "subnet-ipv4-cidr-block", mac_subnet_ipv4),
    FOUND(MACS "subnet-ipv6-cidr-blocks", mac_subnet_ipv6),
    MAC_TEXT("vpc-id", vpc_id),
    FOUND(MACS "vpc-ipv4-cidr-block", mac_vpc_ipv4),
    FOUND(MACS "vpc-ipv6-cidr-blocks", mac_vpc_ipv6),
    TEXT("meta-data/placement/availability-zone", zone),
    FOUND("meta-data/placement/availability-zone-id", zone_id),
    FOUND("meta-data/placement/region", region_name),
    FOUND("meta-data/profile", virtualization),
    FOUND("meta-data/public-ipv4", primary_public),
    FOUND("meta-data/public-keys/{key}/openssh-key", public_key),
    TEXT("meta-data/reservation-id", reservation_id),
    FOUND("meta-data/security-groups", security_groups),
    FOUND("meta-data/services/domain", domain),
    FOUND("meta-data/services/partition", partition),
    FOUND("meta-data/system", hypervisor),
    FOUND("meta-data/tags/instance/{tag}", tag_value),
    FOUND("user-data", user_data),
};
const size_t metadata_entry_count = COUNT_OF(metadata_entries);
