/* Finds in a tenant's account what the tenant's Terraform made for the zone; what is missing is named
 * together with the command that makes it. */
#include "aws/ec2.h"
#include "aws/iam.h"
#include "aws/kms.h"
#include "base/text.h"
#include "configserver/cloud/aws.h"
#include "configserver/config.h"
#include "configserver/records/records.h"

#include <string.h>

struct search {
    struct aws_client *client;
    struct arena *arena;
    const struct account *account;
    const struct config *config;
    const struct zone_id *zone;
};

#define NOT_SET_UP "ACCOUNT_NOT_SET_UP"

/* What modules/zone makes. */
static int missing_in_zone(const struct search *search, const char *what, struct error *err)
{
    return error_code(
        err, ERROR_INVALID, NOT_SET_UP,
        "account %s has no %s for zone %s: run 'terraform apply' with modules/zone, zone = \"%s\", in that "
        "account",
        search->account->id, what, search->config->zone, search->config->zone);
}

/* What the root module makes, once an account. */
static int missing_in_account(const struct search *search, const char *what, struct error *err)
{
    return error_code(
        err, ERROR_INVALID, NOT_SET_UP,
        "account %s has no %s: run 'terraform apply' with the root module, tenant_name = \"%s\" and the "
        "tenant's external id, in that account",
        search->account->id, what, search->account->tenant ? search->account->tenant : "<tenant>");
}

/* AWS refuses to say whether what we may not see is there: both mean that Terraform has not made it for us.
 */
static bool is_missing(const struct error *err)
{
    return err->kind == ERROR_NOT_FOUND || err->kind == ERROR_FORBIDDEN ||
           err->kind == ERROR_UNAUTHENTICATED || err->kind == ERROR_INVALID;
}

/* The tag is the tenant's to write.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
static bool is_bucket(const char *name)
{
    return strlen(name) >= 3 && strlen(name) <= 63 && text_only(name, "a-z0-9.-");
}

static int find_vpc(const struct search *search, struct place *place, struct error *err)
{
    const struct ec2_filter filters[] = {{"tag:managedby", {"vespa-cloud"}},
                                         {"tag:zone", {search->config->zone}}};
    struct ec2_vpc *vpcs;
    size_t count;
    if (ec2_describe_vpcs(search->client, search->arena, filters, COUNT_OF(filters), &vpcs, &count, err) <
        0) {
        if (!is_missing(err))
            return error_context(err, "look for the VPC in account %s", search->account->id);
        return missing_in_account(search, "role " PROVISIONER_ROLE " that we may assume", err);
    }
    if (count == 0)
        return missing_in_zone(search, "VPC (tags managedby=vespa-cloud, zone)", err);
    if (count > 1)
        return error_code(err, ERROR_INVALID, NOT_SET_UP,
                          "account %s has %zu VPCs tagged managedby=vespa-cloud, zone=%s: it must have one",
                          search->account->id, count, search->config->zone);
    place->vpc = vpcs[0].id;
    place->archive_bucket = aws_tag_value(vpcs[0].tags, vpcs[0].tag_count, "archive_bucket");
    if (text_empty(place->archive_bucket))
        return missing_in_zone(search, "log archive (VPC tag archive_bucket)", err);
    if (!is_bucket(place->archive_bucket))
        return error_code(err, ERROR_INVALID, NOT_SET_UP,
                          "account %s: the VPC's tag archive_bucket='%.80s' is not a bucket's name",
                          search->account->id, place->archive_bucket);
    return 0;
}

/* x86_64 first. */
static int by_architecture(const void *a, const void *b)
{
    return strcmp(((const struct host_image *)b)->architecture, ((const struct host_image *)a)->architecture);
}

static int by_zone(const void *a, const void *b)
{
    const struct ec2_subnet *left = a, *right = b;
    int order = strcmp(left->availability_zone, right->availability_zone);
    return order ? order : strcmp(left->id, right->id);
}

/* One an availability zone, in their order; of several in a zone the first. */
static int find_subnets(const struct search *search, const char *vpc, const char *service,
                        struct ec2_subnet **subnets, size_t *count, struct error *err)
{
    const struct ec2_filter filters[] = {
        {"vpc-id", {vpc}}, {"tag:managedby", {"vespa-cloud"}}, {"tag:service", {service}}};
    struct ec2_subnet *all;
    size_t found;
    if (ec2_describe_subnets(search->client, search->arena, filters, COUNT_OF(filters), &all, &found, err) <
        0)
        return error_context(err, "look for the subnets in account %s", search->account->id);
    *count = 0;
    *subnets = all;
    for (size_t i = 0; i < found; i++)
        if (all[i].availability_zone)
            all[(*count)++] = all[i];
    if (*count == 0)
        return missing_in_zone(search, arena_format(search->arena, "subnet (tag service=%s)", service), err);
    qsort(all, *count, sizeof *all, by_zone);
    size_t kept = 1;
    for (size_t i = 1; i < *count; i++)
        if (!text_equal(all[i].availability_zone, all[kept - 1].availability_zone))
            all[kept++] = all[i];
    *count = kept;
    return 0;
}

static int find_network(const struct search *search, struct place *place, struct error *err)
{
    struct ec2_subnet *hosts, *balancers;
    if (find_subnets(search, place->vpc, "tenant", &hosts, &place->host_subnet_count, err) < 0 ||
        find_subnets(search, place->vpc, "tenantelb", &balancers, &place->balancer_subnet_count, err) < 0)
        return -1;
    place->host_subnets = arena_alloc(search->arena, place->host_subnet_count * sizeof *place->host_subnets);
    for (size_t i = 0; i < place->host_subnet_count; i++)
        place->host_subnets[i] = (struct host_subnet){hosts[i].id, hosts[i].availability_zone};
    size_t room = place->balancer_subnet_count * sizeof *place->balancer_subnets;
    place->balancer_subnets = arena_alloc(search->arena, room);
    place->balancer_networks = arena_alloc(search->arena, room);
    for (size_t i = 0; i < place->balancer_subnet_count; i++) {
        place->balancer_subnets[i] = balancers[i].id;
        place->balancer_networks[i] = balancers[i].ipv6_cidr;
    }
    const struct ec2_filter filters[] = {{"vpc-id", {place->vpc}}, {"tag:service", {"hostedvpc"}}};
    struct ec2_security_group *groups;
    size_t count;
    if (ec2_describe_security_groups(search->client, search->arena, filters, COUNT_OF(filters), &groups,
                                     &count, err) < 0)
        return error_context(err, "look for the security group in account %s", search->account->id);
    if (count == 0)
        return missing_in_zone(search, "security group (tag service=hostedvpc)", err);
    place->security_group = groups[0].id;
    return 0;
}

static int find_host_profile(const struct search *search, struct place *place, struct error *err)
{
    if (!search->account->tenant) /* asked about before it is known whose it is */
        return 0;
    const char *name = host_role_name(search->arena, search->account->tenant, search->account->id);
    if (iam_get_instance_profile(search->client, search->arena, name, &place->host_profile_arn, err) == 0)
        return 0;
    if (!is_missing(err))
        return error_context(err, "look for instance profile %s in account %s", name, search->account->id);
    return missing_in_account(search, arena_format(search->arena, "instance profile %s", name), err);
}

static int find_disk_key(const struct search *search, struct place *place, struct error *err)
{
    struct kms_key key;
    place->disk_key = zone_ebs_key_alias(search->arena, search->zone);
    if (kms_describe_key(search->client, search->arena, place->disk_key, &key, err) < 0) {
        if (!is_missing(err))
            return error_context(err, "look for %s in account %s", place->disk_key, search->account->id);
        return missing_in_zone(search, arena_format(search->arena, "KMS key %s", place->disk_key), err);
    }
    if (!key.enabled)
        return error_code(err, ERROR_INVALID, NOT_SET_UP,
                          "KMS key %s in account %s is %s: enable it, hosts' disks are encrypted with it",
                          place->disk_key, search->account->id, key.state);
    return 0;
}

/* The names of an account's images are one each, so an image for both architectures is two: the configured
 * name, or that with the architecture behind it. */
static int find_images(const struct search *search, struct place *place, struct error *err)
{
    const char *name = search->config->host_image;
    const struct ec2_filter filters[] = {{"name",
                                          {name, arena_format(search->arena, "%s-x86_64", name),
                                           arena_format(search->arena, "%s-arm64", name)}}};
    struct ec2_image *images;
    size_t count;
    if (ec2_describe_images(search->client, search->arena, search->config->vendor_account, filters,
                            COUNT_OF(filters), &images, &count, err) < 0)
        return error_context(err, "look for image %s", name);
    if (count == 0)
        return error_set(err, ERROR_UNAVAILABLE,
                         "image %s of account %s is not visible from account %s: the vendor "
                         "must share it",
                         name, search->config->vendor_account, search->account->id);
    place->images = arena_alloc(search->arena, count * sizeof *place->images);
    for (size_t i = 0; i < count; i++) {
        const char *architecture = images[i].architecture ? images[i].architecture : "x86_64";
        size_t at = 0;
        while (at < place->image_count && !text_equal(place->images[at].architecture, architecture))
            at++;
        if (at == place->image_count)
            place->image_count++;
        else if (!text_equal(images[i].name, name)) /* the plain name comes before the longer one */
            continue;
        place->images[at] = (struct host_image){images[i].id, architecture};
    }
    qsort(place->images, place->image_count, sizeof *place->images, by_architecture);
    return 0;
}

/* A client of this look's own: somebody waits for it, and one of its calls that comes too fast for AWS must
 * not refuse a deployment. As long as this it is tried again. */
enum { PATIENCE_MS = 5000 };

static int open_client(struct cloud_aws *aws, const struct account *account, struct aws_client **client,
                       struct error *err)
{
    struct aws_client *shared;
    if (cloud_aws_client(aws, account, &shared, err) < 0 ||
        aws_client_new(aws_client_credentials(shared), aws_client_region(shared), client, err) < 0)
        return -1;
    aws_client_bear_throttles(*client, PATIENCE_MS);
    aws_client_limit_calls(*client, aws_client_longest_call(shared));
    return 0;
}

int cloud_aws_find_place(void *context, const struct account *account, struct arena *arena,
                         struct place *place, struct error *err)
{
    cleanup(aws_client_free) struct aws_client *client = NULL;
    *place = (struct place){0};
    if (open_client(context, account, &client, err) < 0)
        return -1;
    const struct search search = {client, arena, account, cloud_aws_config(context), cloud_aws_zone(context)};
    if (find_vpc(&search, place, err) < 0 || find_network(&search, place, err) < 0 ||
        find_host_profile(&search, place, err) < 0 || find_disk_key(&search, place, err) < 0 ||
        find_images(&search, place, err) < 0)
        return err->kind == ERROR_THROTTLED
                   ? error_context(err, "AWS throttles all calls to account %s, try again in a minute",
                                   account->id)
                   : -1;
    return 0;
}
