/* Every Describe call is the same walk: filters in, pages of items out. What differs stands in one table row
 * each. */
#include "aws/ec2.h"

#include "aws/ec2_read.h"
#include "base/text.h"

#include <string.h>

enum { PAGE = 500, MOST_ITEMS = 100000 };

struct listing {
    const char *action, *set; /* <set><item>...</item></set> */
    bool grouped;             /* items are reservations that hold <instancesSet> */
    bool paged;               /* takes MaxResults */
    size_t size;
    void (*read)(struct arena *arena, xmlNode *item, void *object);
};

struct found {
    void *items; /* of the listing's kind */
    size_t count, capacity;
};

static void add_item(struct arena *arena, const struct listing *listing, xmlNode *item, struct found *found)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? found->capacity * 2 : 16;
        char *grown = arena_alloc(arena, capacity * listing->size);
        if (found->count)
            memcpy(grown, found->items, found->count * listing->size);
        found->items = grown;
        found->capacity = capacity;
    }
    listing->read(arena, item, (char *)found->items + found->count++ * listing->size);
}

static void add_items(struct arena *arena, const struct listing *listing, xmlNode *set, struct found *found)
{
    for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item")) {
        if (!listing->grouped) {
            add_item(arena, listing, item, found);
            continue;
        }
        xmlNode *inner = xml_first(item, "instancesSet");
        for (xmlNode *one = xml_first(inner, "item"); one; one = xml_next(one, "item"))
            add_item(arena, listing, one, found);
    }
}

static int describe(struct aws_client *client, struct arena *arena, const struct listing *listing,
                    const char *owner, const struct ec2_filter *filters, size_t filter_count,
                    struct found *found, struct error *err)
{
    const char *next = NULL;
    *found = (struct found){0};
    do {
        struct aws_parameters parameters = {0};
        aws_parameter(arena, &parameters, owner, "Owner.1");
        for (size_t i = 0; i < filter_count; i++) {
            aws_parameter(arena, &parameters, filters[i].name, "Filter.%zu.Name", i + 1);
            for (size_t j = 0; j < EC2_FILTER_VALUES && filters[i].values[j]; j++)
                aws_parameter(arena, &parameters, filters[i].values[j], "Filter.%zu.Value.%zu", i + 1, j + 1);
        }
        if (listing->paged)
            aws_parameter(arena, &parameters, arena_format(arena, "%d", PAGE), "MaxResults");
        aws_parameter(arena, &parameters, next, "NextToken");
        xmlNode *answer;
        if (aws_query_call(client, "ec2", listing->action, &parameters, arena, &answer, err) < 0)
            return -1;
        add_items(arena, listing, xml_first(answer, listing->set), found);
        next = xml_child_content(arena, answer, "nextToken");
    } while (!text_empty(next) && found->count < MOST_ITEMS);
    return 0;
}

/* The first block of the network that is associated. */
static char *ipv6_block(struct arena *arena, xmlNode *item)
{
    xmlNode *set = xml_first(item, "ipv6CidrBlockAssociationSet");
    for (xmlNode *one = xml_first(set, "item"); one; one = xml_next(one, "item"))
        if (text_equal(xml_child_content(arena, xml_first(one, "ipv6CidrBlockState"), "state"), "associated"))
            return xml_child_content(arena, one, "ipv6CidrBlock");
    return NULL;
}

static void read_vpc(struct arena *arena, xmlNode *item, void *object)
{
    struct ec2_vpc *vpc = object;
    vpc->id = xml_child_content(arena, item, "vpcId");
    vpc->cidr = xml_child_content(arena, item, "cidrBlock");
    vpc->ipv6_cidr = ipv6_block(arena, item);
    ec2_read_tags(arena, item, &vpc->tags, &vpc->tag_count);
}

static void read_subnet(struct arena *arena, xmlNode *item, void *object)
{
    struct ec2_subnet *subnet = object;
    subnet->id = xml_child_content(arena, item, "subnetId");
    subnet->vpc_id = xml_child_content(arena, item, "vpcId");
    subnet->availability_zone = xml_child_content(arena, item, "availabilityZone");
    subnet->cidr = xml_child_content(arena, item, "cidrBlock");
    subnet->ipv6_cidr = ipv6_block(arena, item);
    ec2_read_tags(arena, item, &subnet->tags, &subnet->tag_count);
}

static void read_group(struct arena *arena, xmlNode *item, void *object)
{
    *(struct ec2_security_group *)object = (struct ec2_security_group){
        .id = xml_child_content(arena, item, "groupId"),
        .name = xml_child_content(arena, item, "groupName"),
        .vpc_id = xml_child_content(arena, item, "vpcId"),
    };
}

static void read_instance(struct arena *arena, xmlNode *item, void *object)
{
    ec2_read_instance(arena, item, object);
}

static void read_image(struct arena *arena, xmlNode *item, void *object)
{
    *(struct ec2_image *)object = (struct ec2_image){
        .id = xml_child_content(arena, item, "imageId"),
        .name = xml_child_content(arena, item, "name"),
        .architecture = xml_child_content(arena, item, "architecture"),
    };
}

static void read_events(struct arena *arena, xmlNode *item, struct ec2_instance_status *status)
{
    xmlNode *set = xml_first(item, "eventsSet");
    status->events = arena_alloc(arena, ec2_count_items(set) * sizeof *status->events);
    for (xmlNode *one = xml_first(set, "item"); one; one = xml_next(one, "item")) {
        const char *description = xml_child_content(arena, one, "description");
        status->events[status->event_count++] = (struct ec2_event){
            .code = xml_child_content(arena, one, "code"),
            .description = description ? description : "",
            .not_before_ms = ec2_read_time(arena, one, "notBefore"),
        };
    }
}

static void read_status(struct arena *arena, xmlNode *item, void *object)
{
    struct ec2_instance_status *status = object;
    status->id = xml_child_content(arena, item, "instanceId");
    status->system = xml_child_content(arena, xml_first(item, "systemStatus"), "status");
    status->instance = xml_child_content(arena, xml_first(item, "instanceStatus"), "status");
    read_events(arena, item, status);
}

static void read_volume(struct arena *arena, xmlNode *item, void *object)
{
    struct ec2_volume *volume = object;
    volume->id = xml_child_content(arena, item, "volumeId");
    volume->state = xml_child_content(arena, item, "status");
    volume->created_ms = ec2_read_time(arena, item, "createTime");
    ec2_read_tags(arena, item, &volume->tags, &volume->tag_count);
}

static const struct listing statuses_listing = {
    "DescribeInstanceStatus",           "instanceStatusSet", false, true,
    sizeof(struct ec2_instance_status), read_status};
static const struct listing volumes_listing = {"DescribeVolumes",         "volumeSet", false, true,
                                               sizeof(struct ec2_volume), read_volume};
static const struct listing vpcs_listing = {"DescribeVpcs",         "vpcSet", false, true,
                                            sizeof(struct ec2_vpc), read_vpc};
static const struct listing subnets_listing = {"DescribeSubnets",         "subnetSet", false, true,
                                               sizeof(struct ec2_subnet), read_subnet};
static const struct listing groups_listing = {
    "DescribeSecurityGroups",          "securityGroupInfo", false, true,
    sizeof(struct ec2_security_group), read_group};
static const struct listing instances_listing = {"DescribeInstances",         "reservationSet", true, true,
                                                 sizeof(struct ec2_instance), read_instance};
static const struct listing images_listing = {"DescribeImages",         "imagesSet", false, false,
                                              sizeof(struct ec2_image), read_image};

int ec2_describe_vpcs(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                      size_t filter_count, struct ec2_vpc **vpcs, size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &vpcs_listing, NULL, filters, filter_count, &found, err);
    *vpcs = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_subnets(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                         size_t filter_count, struct ec2_subnet **subnets, size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &subnets_listing, NULL, filters, filter_count, &found, err);
    *subnets = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_security_groups(struct aws_client *client, struct arena *arena,
                                 const struct ec2_filter *filters, size_t filter_count,
                                 struct ec2_security_group **groups, size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &groups_listing, NULL, filters, filter_count, &found, err);
    *groups = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_instances(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                           size_t filter_count, struct ec2_instance **instances, size_t *count,
                           struct error *err)
{
    struct found found;
    int result = describe(client, arena, &instances_listing, NULL, filters, filter_count, &found, err);
    *instances = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_images(struct aws_client *client, struct arena *arena, const char *owner,
                        const struct ec2_filter *filters, size_t filter_count, struct ec2_image **images,
                        size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &images_listing, owner, filters, filter_count, &found, err);
    *images = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_instance_status(struct aws_client *client, struct arena *arena,
                                 const struct ec2_filter *filters, size_t filter_count,
                                 struct ec2_instance_status **statuses, size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &statuses_listing, NULL, filters, filter_count, &found, err);
    *statuses = found.items;
    *count = found.count;
    return result;
}

int ec2_describe_volumes(struct aws_client *client, struct arena *arena, const struct ec2_filter *filters,
                         size_t filter_count, struct ec2_volume **volumes, size_t *count, struct error *err)
{
    struct found found;
    int result = describe(client, arena, &volumes_listing, NULL, filters, filter_count, &found, err);
    *volumes = found.items;
    *count = found.count;
    return result;
}
