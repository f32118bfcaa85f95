/* The cloud as AWS: a tenant's account seen through its role vespa-cloud-provisioner, which trusts the
 * vendor's. What the tenant's Terraform made is found by its tags, never by names we would have to guess. */
#include "configserver/cloud/aws.h"

#include "aws/ec2.h"
#include "base/text.h"
#include "configserver/config.h"
#include "configserver/records/records.h"

#include <pthread.h>
#include <string.h>

struct account_client {
    struct account_client *next;
    char *account, *external_id;
    struct aws_credentials *credentials;
    struct aws_client *client;
};

struct cloud_aws {
    struct cloud cloud;
    const struct config *config;
    struct zone_id zone;
    struct aws_credentials *own, *provisioner; /* ours, and the vendor's role that tenants trust */
    pthread_mutex_t lock;                      /* the list; its members live until we close */
    struct account_client *clients;
};

static void free_client(struct account_client *client)
{
    aws_client_free(&client->client);
    aws_credentials_free(&client->credentials);
    free(client->account);
    free(client->external_id);
    free(client);
}

static struct account_client *make_client(struct cloud_aws *aws, const struct account *account,
                                          struct error *err)
{
    struct account_client *made = memory_alloc(sizeof *made);
    cleanup(memory_free) char *role = memory_format("arn:aws:iam::%s:role/" PROVISIONER_ROLE, account->id);
    made->account = memory_strdup(account->id);
    made->external_id = memory_strdup(account->external_id);
    made->credentials = aws_credentials_assume_role(aws->provisioner, aws->config->aws_region, role,
                                                    "configserver", account->external_id);
    if (aws_client_new(made->credentials, aws->config->aws_region, &made->client, err) < 0) {
        free_client(made);
        return NULL;
    }
    return made;
}

int cloud_aws_client(struct cloud_aws *aws, const struct account *account, struct aws_client **client,
                     struct error *err)
{
    int result = 0;
    pthread_mutex_lock(&aws->lock);
    struct account_client *found = aws->clients;
    while (found &&
           !(text_equal(found->account, account->id) && text_equal(found->external_id, account->external_id)))
        found = found->next;
    if (!found) {
        found = make_client(aws, account, err);
        if (found) {
            found->next = aws->clients;
            aws->clients = found;
        }
    }
    pthread_mutex_unlock(&aws->lock);
    if (!found)
        result = -1;
    else
        *client = found->client;
    return result;
}

const struct config *cloud_aws_config(const struct cloud_aws *aws)
{
    return aws->config;
}

const struct zone_id *cloud_aws_zone(const struct cloud_aws *aws)
{
    return &aws->zone;
}

static enum instance_state state_of(const char *name)
{
    static const struct {
        const char *name;
        enum instance_state state;
    } states[] = {
        {"pending", INSTANCE_STARTING},     {"running", INSTANCE_RUNNING}, {"stopping", INSTANCE_ENDING},
        {"shutting-down", INSTANCE_ENDING}, {"stopped", INSTANCE_ENDING},  {"terminated", INSTANCE_ENDED},
    };
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (text_equal(states[i].name, name))
            return states[i].state;
    return INSTANCE_STARTING;
}

static struct instance instance_of(const struct ec2_instance *actual)
{
    const char *hostname = aws_tag_value(actual->tags, actual->tag_count, "hostname");
    return (struct instance){.id = actual->id,
                             .hostname = hostname ? hostname : "",
                             .state = state_of(actual->state),
                             .addresses = {actual->ipv6[0], actual->ipv6[0] ? actual->ipv6[1] : NULL},
                             .reason = actual->state_reason};
}

static int launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    struct cloud_aws *aws = context;
    struct aws_client *client;
    if (cloud_aws_client(aws, account, &client, err) < 0)
        return -1;
    const struct aws_tag tags[] = {
        {"managedby", "vespa-cloud"},       {"zone", aws->config->zone}, {"Name", launch->hostnames[0]},
        {"hostname", launch->hostnames[0]}, {"tenant", launch->tenant},  {"application", launch->application},
        {"cluster", launch->cluster},       {"owner", launch->owner},
    };
    const struct ec2_run run = {
        .client_token = launch->token,
        .image_id = launch->image,
        .type = launch->type,
        .subnet_id = launch->subnet,
        .security_group_id = place->security_group,
        .profile_arn = place->host_profile_arn,
        .kms_key_id = place->disk_key,
        .user_data = launch->user_data,
        .ipv6_count = 2,
        .disk_gb = launch->disk_gb,
        .tags = tags,
        .tag_count = COUNT_OF(tags),
    };
    struct ec2_instance actual = {0};
    if (ec2_run_instance(client, arena, &run, &actual, err) < 0)
        return -1;
    *instances = instance_of(&actual);
    instances->hostname = launch->hostnames[0];
    return 0;
}

static int list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    struct cloud_aws *aws = context;
    struct aws_client *client;
    struct ec2_instance *actual;
    const struct ec2_filter filters[] = {
        {"tag:managedby", "vespa-cloud"}, {"tag:zone", aws->config->zone}, {"tag:owner", owner}};
    if (cloud_aws_client(aws, account, &client, err) < 0 ||
        ec2_describe_instances(client, arena, filters, COUNT_OF(filters), &actual, count, err) < 0)
        return -1;
    *instances = arena_alloc(arena, *count * sizeof **instances);
    for (size_t i = 0; i < *count; i++)
        (*instances)[i] = instance_of(&actual[i]);
    return 0;
}

static int terminate(void *context, const struct account *account, const char *const *instance_ids,
                     size_t count, struct error *err)
{
    struct aws_client *client;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (ec2_terminate_instance(client, instance_ids[i], err) < 0 && err->kind != ERROR_NOT_FOUND)
            return -1;
    return 0;
}

bool cloud_lacks_capacity(const struct error *err)
{
    /* https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
    static const char *const codes[] = {"InsufficientInstanceCapacity", "InsufficientHostCapacity",
                                        "InsufficientCapacity",         "Unsupported",
                                        "InstanceLimitExceeded",        "VcpuLimitExceeded"};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (text_equal(err->code, codes[i]))
            return true;
    return false;
}

static int events(void *context, const struct account *account, const char *owner, struct arena *arena,
                  struct instance_event **events, size_t *count, struct error *err)
{
    (void)context;
    (void)account;
    (void)owner;
    (void)arena;
    (void)err;
    *events = NULL;
    *count = 0;
    return 0;
}

int cloud_aws_open(const struct config *config, struct cloud **cloud, struct error *err)
{
    struct cloud_aws *aws = memory_alloc(sizeof *aws);
    pthread_mutex_init(&aws->lock, NULL);
    aws->config = config;
    aws->cloud = (struct cloud){
        .context = aws,
        .find_place = cloud_aws_find_place,
        .launch = launch,
        .list = list,
        .terminate = terminate,
        .events = events,
        .list_balancers = cloud_aws_list_balancers,
        .name_resolves = cloud_aws_name_resolves,
        .make_balancer = cloud_aws_make_balancer,
        .targets = cloud_aws_targets,
        .change_targets = cloud_aws_change_targets,
        .remove_balancer = cloud_aws_remove_balancer,
    };
    *cloud = &aws->cloud;
    if (zone_parse(config->zone, &aws->zone, err) < 0) {
        cloud_aws_close(cloud);
        return -1;
    }
    aws->own = aws_credentials_default();
    aws->provisioner = aws_credentials_assume_role(aws->own, config->aws_region, config->provisioner_role_arn,
                                                   "configserver", NULL);
    return 0;
}

void cloud_aws_close(struct cloud **cloud)
{
    struct cloud_aws *aws = *cloud ? (*cloud)->context : NULL;
    *cloud = NULL;
    if (!aws)
        return;
    while (aws->clients) {
        struct account_client *client = aws->clients;
        aws->clients = client->next;
        free_client(client);
    }
    aws_credentials_free(&aws->provisioner);
    aws_credentials_free(&aws->own);
    pthread_mutex_destroy(&aws->lock);
    free(aws);
}
