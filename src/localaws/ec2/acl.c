/* Network ACLs: numbered rules at a subnet's edge, in order, both ways. */
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

enum { MOST_ENTRIES = 200 };
enum { LAST_RULE = 32767 }; /* the rule that denies what none matched: shown as *, never stored */

static const struct field acl_entry_fields[] = {
    FIELD_BOOL(struct acl_entry, egress, "egress", OPTIONAL, "for what leaves the subnet"),
    FIELD_BOOL(struct acl_entry, allow, "allow", OPTIONAL, "or deny"),
    FIELD_INTEGER(struct acl_entry, number, "number", REQUIRED, 1, LAST_RULE, "its place"),
    FIELD_INTEGER(struct acl_entry, protocol, "protocol", REQUIRED, -1, 255, "IP protocol, -1 all"),
    FIELD_TEXT(struct acl_entry, cidr, "cidr", REQUIRED, 64, NULL, "the other end's block"),
    FIELD_INTEGER(struct acl_entry, from_port, "fromPort", REQUIRED, -1, 65535, "first port, -1 not given"),
    FIELD_INTEGER(struct acl_entry, to_port, "toPort", REQUIRED, -1, 65535, "last port"),
    FIELD_INTEGER(struct acl_entry, icmp_type, "icmpType", REQUIRED, -1, 255, "ICMP type"),
    FIELD_INTEGER(struct acl_entry, icmp_code, "icmpCode", REQUIRED, -1, 255, "ICMP code"),
    FIELD_END,
};
static const struct record acl_entry_record = {"aclEntry", sizeof(struct acl_entry), acl_entry_fields};

static const struct field acl_fields[] = {
    RESOURCE_FIELDS(struct acl),
    FIELD_TEXT(struct acl, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_BOOL(struct acl, is_default, "default", OPTIONAL, "the VPC's own"),
    FIELD_LIST(struct acl, entries, entry_count, "entries", OPTIONAL, MOST_ENTRIES, &acl_entry_record,
               "rules"),
    FIELD_LIST(struct acl, associations, association_count, "associations", OPTIONAL, 1000,
               &association_record, "subnets"),
    FIELD_END,
};
static const struct record acl_record = {"acl", sizeof(struct acl), acl_fields};

static bool filter_subnet(const struct resource *resource, const struct wanted *wanted)
{
    const struct acl *acl = (const struct acl *)(const void *)resource;
    for (size_t i = 0; i < acl->association_count; i++)
        if (wanted_has(wanted, acl->associations[i].subnet_id))
            return true;
    return false;
}

static bool filter_association(const struct resource *resource, const struct wanted *wanted)
{
    const struct acl *acl = (const struct acl *)(const void *)resource;
    for (size_t i = 0; i < acl->association_count; i++)
        if (wanted_has(wanted, acl->associations[i].id))
            return true;
    return false;
}

static bool filter_egress(const struct resource *resource, const struct wanted *wanted)
{
    (void)resource; /* every ACL has rules both ways, if only the last */
    return wanted_has_bool(wanted, true) || wanted_has_bool(wanted, false);
}

static bool filter_number(const struct resource *resource, const struct wanted *wanted)
{
    const struct acl *acl = (const struct acl *)(const void *)resource;
    for (size_t i = 0; i < acl->entry_count; i++)
        if (wanted_has_number(wanted, acl->entries[i].number))
            return true;
    return wanted_has_number(wanted, LAST_RULE);
}

static const struct filter acl_filters[] = {
    FILTER_TEXT("network-acl-id", struct acl, resource.id),
    FILTER_TEXT("vpc-id", struct acl, vpc_id),
    FILTER_BOOL("default", struct acl, is_default),
    FILTER_CALL("association.subnet-id", filter_subnet),
    FILTER_CALL("association.association-id", filter_association),
    FILTER_TEXT("association.network-acl-id", struct acl, resource.id),
    FILTER_CALL("entry.egress", filter_egress),
    FILTER_CALL("entry.rule-number", filter_number),
    FILTER_END,
};

static void put_range(struct buffer *out, const char *element, const char *first, int64_t from,
                      const char *last, int64_t to)
{
    put_open(out, element);
    put_number(out, first, from);
    put_number(out, last, to);
    put_close(out, element);
}

static void put_entry(struct buffer *out, const struct acl_entry *entry)
{
    put_open(out, "item");
    put_number(out, "ruleNumber", entry->number);
    put_number(out, "protocol", entry->protocol);
    put_text(out, "ruleAction", entry->allow ? "allow" : "deny");
    put_bool(out, "egress", entry->egress);
    put_text(out, strchr(entry->cidr, ':') ? "ipv6CidrBlock" : "cidrBlock", entry->cidr);
    if (entry->protocol == 1 || entry->protocol == 58)
        put_range(out, "icmpTypeCode", "code", entry->icmp_code, "type", entry->icmp_type);
    if (entry->from_port >= 0 && (entry->protocol == 6 || entry->protocol == 17))
        put_range(out, "portRange", "from", entry->from_port, "to", entry->to_port);
    put_close(out, "item");
}

static void put_last_entries(struct buffer *out, bool ipv6)
{
    for (int egress = 1; egress >= 0; egress--)
        put_entry(out, &(struct acl_entry){.egress = egress,
                                           .number = ipv6 ? LAST_RULE + 1 : LAST_RULE,
                                           .protocol = -1,
                                           .cidr = ipv6 ? (char[]){"::/0"} : (char[]){"0.0.0.0/0"},
                                           .from_port = -1});
}

static void acl_write(struct buffer *out, const struct resource *resource)
{
    const struct acl *acl = (const struct acl *)(const void *)resource;
    put_text(out, "networkAclId", resource->id);
    put_text(out, "vpcId", acl->vpc_id);
    put_text(out, "ownerId", resource->account->id);
    put_bool(out, "default", acl->is_default);
    put_open(out, "entrySet");
    for (size_t i = 0; i < acl->entry_count; i++)
        put_entry(out, &acl->entries[i]);
    put_last_entries(out, false);
    put_last_entries(out, true);
    put_close(out, "entrySet");
    put_open(out, "associationSet");
    for (size_t i = 0; i < acl->association_count; i++) {
        put_open(out, "item");
        put_text(out, "networkAclAssociationId", acl->associations[i].id);
        put_text(out, "networkAclId", resource->id);
        put_text(out, "subnetId", acl->associations[i].subnet_id);
        put_close(out, "item");
    }
    put_close(out, "associationSet");
    put_tags(out, resource);
}

static void acl_context(struct context *context, const struct resource *resource)
{
    context_add_arn(context, "ec2:Vpc", "vpc", ((const struct acl *)(const void *)resource)->vpc_id);
}

const struct kind acl_kind = {
    .number = KIND_ACL,
    .type = "network-acl",
    .prefix = "acl",
    .parameter = "NetworkAclId",
    .missing = "InvalidNetworkAclID.NotFound",
    .set = "networkAclSet",
    .record = &acl_record,
    .filters = acl_filters,
    .write = acl_write,
    .context = acl_context,
};

void acl_add_default(struct region *region, struct account *account, const struct vpc *vpc)
{
    static char every_ipv4[] = "0.0.0.0/0", every_ipv6[] = "::/0";
    struct acl_entry entries[4];
    for (int i = 0; i < 4; i++)
        entries[i] = (struct acl_entry){
            .egress = i % 2,
            .allow = true,
            .number = i < 2 ? 100 : 101,
            .protocol = -1,
            .cidr = i < 2 ? every_ipv4 : every_ipv6,
            .from_port = -1,
            .to_port = -1,
            .icmp_type = -1,
            .icmp_code = -1,
        };
    struct acl draft = {.vpc_id = vpc->resource.id, .is_default = true, .entries = entries, .entry_count = 4};
    if (!vpc->ipv6_cidr)
        draft.entry_count = 2;
    resource_add(region, account, &acl_kind, &draft);
}

struct acl *acl_default(struct account *account, const char *vpc_id)
{
    for_each_resource(struct acl, acl, account, &acl_kind)
        if (acl->is_default && text_equal(acl->vpc_id, vpc_id))
            return acl;
    return NULL;
}

struct acl *acl_of_subnet(struct account *account, const char *subnet_id)
{
    for_each_resource(struct acl, acl, account, &acl_kind)
        for (size_t i = 0; i < acl->association_count; i++)
            if (text_equal(acl->associations[i].subnet_id, subnet_id))
                return acl;
    return NULL;
}

void acl_associate(struct region *region, struct acl *acl, const char *subnet_id)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct association *association =
        list_add(&acl->associations, &acl->association_count, sizeof *association);
    association->id = memory_strdup(region_identifier(region, arena, "aclassoc"));
    association->subnet_id = memory_strdup(subnet_id);
}

void acl_forget_subnet(struct account *account, const char *subnet_id)
{
    struct acl *acl = acl_of_subnet(account, subnet_id);
    for (size_t i = acl ? acl->association_count : 0; i-- > 0;)
        if (text_equal(acl->associations[i].subnet_id, subnet_id))
            list_remove(&association_record, &acl->associations, &acl->association_count, i);
}

static int answer_acl(struct call *call, const struct acl *acl)
{
    put_open(&call->answer, "networkAcl");
    acl_write(&call->answer, &acl->resource);
    put_close(&call->answer, "networkAcl");
    put_text(&call->answer, "clientToken", acl->resource.client_token);
    return 0;
}

int acl_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *token = call_parameter(call, "ClientToken");
    struct acl draft = {.resource.client_token = arena_strdup(call->arena, token)};
    struct acl *earlier = resource_by_token(call->region, call->account, &acl_kind, token);
    if (earlier)
        return answer_acl(call, earlier);
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        call_tags(call, "network-acl", &draft.resource, err) < 0)
        return -1;
    draft.vpc_id = vpc->resource.id;
    if (creation_authorize(call, &acl_kind, &draft.resource, err) < 0)
        return -1;
    return answer_acl(call, resource_add(call->region, call->account, &acl_kind, &draft));
}

int acl_delete(struct call *call, struct error *err)
{
    struct acl *acl;
    if (resource_target(call, &acl_kind, "NetworkAclId", &acl, err) < 0)
        return -1;
    if (acl->is_default)
        return call_fail(call, err, 400, "InvalidParameterValue", "cannot delete default network ACL %s",
                         acl->resource.id);
    if (acl->association_count)
        return call_fail(call, err, 400, "DependencyViolation",
                         "The networkAcl '%s' has dependencies and cannot be deleted.", acl->resource.id);
    resource_remove(call->region, &acl->resource);
    put_true(call);
    return 0;
}

int acl_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &acl_kind, err);
}

/* The numbers of an entry; -1 stands for one that was not given. */
static int take_entry_numbers(struct call *call, struct acl_entry *entry, struct error *err)
{
    const struct {
        const char *name;
        int64_t low, high, absent, *number;
    } numbers[] = {
        {"RuleNumber", 1, LAST_RULE - 1, 0, &entry->number}, {"Protocol", -1, 255, -1, &entry->protocol},
        {"PortRange.From", 0, 65535, -1, &entry->from_port}, {"PortRange.To", 0, 65535, -1, &entry->to_port},
        {"Icmp.Type", -1, 255, -1, &entry->icmp_type},       {"Icmp.Code", -1, 255, -1, &entry->icmp_code},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (call_number(call, numbers[i].name, numbers[i].low, numbers[i].high, numbers[i].absent,
                        numbers[i].number, err) < 0)
            return -1;
    if (!entry->number)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter RuleNumber");
    if ((entry->protocol == 6 || entry->protocol == 17) && entry->from_port < 0)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter PortRange.From");
    return 0;
}

static int take_entry(struct call *call, struct acl_entry *entry, struct error *err)
{
    const char *protocol, *action, *given = call_parameter(call, "CidrBlock");
    struct cidr block;
    if (!given)
        given = call_parameter(call, "Ipv6CidrBlock");
    *entry = (struct acl_entry){.egress = call_true(call, "Egress")};
    if (call_required(call, "Protocol", &protocol, err) < 0 ||
        call_required(call, "RuleAction", &action, err) < 0 || take_entry_numbers(call, entry, err) < 0)
        return -1;
    if (!cidr_parse(given, &block))
        return call_fail(call, err, 400, "InvalidParameterValue", "CIDR block %s is malformed",
                         given ? given : "");
    entry->allow = text_equal(action, "allow");
    entry->cidr = cidr_text(call->arena, &block);
    return 0;
}

static size_t entry_at(const struct acl *acl, bool egress, int64_t number)
{
    size_t at = 0;
    while (at < acl->entry_count && (acl->entries[at].egress != egress || acl->entries[at].number != number))
        at++;
    return at;
}

/* CreateNetworkAclEntry and ReplaceNetworkAclEntry differ in whether the rule is to be there already. */
static int entry_set(struct call *call, bool replace, struct error *err)
{
    struct acl *acl;
    struct acl_entry entry;
    if (resource_target(call, &acl_kind, "NetworkAclId", &acl, err) < 0 || take_entry(call, &entry, err) < 0)
        return -1;
    size_t at = entry_at(acl, entry.egress, entry.number);
    if (!replace && at < acl->entry_count)
        return call_fail(call, err, 400, "NetworkAclEntryAlreadyExists",
                         "The network acl entry identified by %d already exists.", (int)entry.number);
    if (replace && at == acl->entry_count)
        return call_fail(call, err, 400, "InvalidNetworkAclEntry.NotFound",
                         "The network acl entry identified by %d does not exist.", (int)entry.number);
    if (!replace && room_check(call, "rules", acl->entry_count + 1, MOST_ENTRIES, err) < 0)
        return -1;
    if (replace)
        list_remove(&acl_entry_record, &acl->entries, &acl->entry_count, at);
    entry.cidr = memory_strdup(entry.cidr);
    *(struct acl_entry *)list_add(&acl->entries, &acl->entry_count, sizeof entry) = entry;
    region_changed(call->region);
    vpc_changed(call->region, call->account, acl->vpc_id);
    put_true(call);
    return 0;
}

int acl_entry_create(struct call *call, struct error *err)
{
    return entry_set(call, false, err);
}

int acl_entry_replace(struct call *call, struct error *err)
{
    return entry_set(call, true, err);
}

int acl_entry_delete(struct call *call, struct error *err)
{
    struct acl *acl;
    int64_t number;
    if (resource_target(call, &acl_kind, "NetworkAclId", &acl, err) < 0 ||
        call_number(call, "RuleNumber", 1, LAST_RULE, 0, &number, err) < 0)
        return -1;
    size_t at = entry_at(acl, call_true(call, "Egress"), number);
    if (at == acl->entry_count)
        return call_fail(call, err, 400, "InvalidNetworkAclEntry.NotFound",
                         "The network acl entry identified by %d does not exist.", (int)number);
    list_remove(&acl_entry_record, &acl->entries, &acl->entry_count, at);
    region_changed(call->region);
    vpc_changed(call->region, call->account, acl->vpc_id);
    put_true(call);
    return 0;
}

int acl_replace_association(struct call *call, struct error *err)
{
    struct acl *to;
    const char *id;
    if (resource_target(call, &acl_kind, "NetworkAclId", &to, err) < 0 ||
        call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct acl, from, call->account, &acl_kind)
        for (size_t i = 0; i < from->association_count; i++) {
            if (!text_equal(from->associations[i].id, id))
                continue;
            if (!text_equal(from->vpc_id, to->vpc_id))
                return call_fail(call, err, 400, "InvalidParameterValue",
                                 "%s and %s belong to different networks", from->resource.id,
                                 to->resource.id);
            char *subnet_id = arena_strdup(call->arena, from->associations[i].subnet_id);
            list_remove(&association_record, &from->associations, &from->association_count, i);
            acl_associate(call->region, to, subnet_id);
            region_changed(call->region);
            vpc_changed(call->region, call->account, to->vpc_id);
            put_text(&call->answer, "newAssociationId", to->associations[to->association_count - 1].id);
            return 0;
        }
    return call_fail(call, err, 400, "InvalidAssociationID.NotFound",
                     "The association ID '%s' does not exist", id);
}
