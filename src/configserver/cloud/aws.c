/* The cloud as AWS: a tenant's account seen through its role vespa-cloud-provisioner, which trusts the
 * vendor's. What the tenant's Terraform made is found by its tags, never by names we would have to guess. */
#include "configserver/cloud/aws.h"

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
    aws_client_leave_throttles(made->client); /* paced.h keeps AWS's pace */
    aws_client_limit_calls(made->client, aws->config->limits.aws_call_longest);
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

int cloud_aws_open(const struct config *config, struct cloud **cloud, struct error *err)
{
    struct cloud_aws *aws = memory_alloc(sizeof *aws);
    pthread_mutex_init(&aws->lock, NULL);
    aws->config = config;
    aws->cloud = (struct cloud){
        .context = aws,
        .find_place = cloud_aws_find_place,
        .launch = cloud_aws_launch,
        .list = cloud_aws_list,
        .terminate = cloud_aws_terminate,
        .events = cloud_aws_events,
        .name_instance = cloud_aws_name_instance,
        .remove_disks = cloud_aws_remove_disks,
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
