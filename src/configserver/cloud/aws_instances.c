/* Hosts as EC2 instances of a tenant's account: launched, listed, named, ended, and what AWS announces of
 * them. Ours are known by their tags: managedby and zone as Terraform has them, owner for the repository. */
#include "aws/ec2.h"
#include "base/clock.h"
#include "base/text.h"
#include "configserver/cloud/aws.h"
#include "configserver/config.h"

static enum instance_state state_of(const char *name)
{
    static const struct {
        const char *name;
        enum instance_state state;
    } states[] = {
        {"pending", INSTANCE_STARTING},     {"running", INSTANCE_RUNNING}, {"stopping", INSTANCE_STOPPED},
        {"shutting-down", INSTANCE_ENDING}, {"stopped", INSTANCE_STOPPED}, {"terminated", INSTANCE_ENDED},
    };
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (text_equal(states[i].name, name))
            return states[i].state;
    return INSTANCE_STARTING;
}

static struct instance instance_of(struct arena *arena, const struct ec2_instance *actual)
{
    const char *hostname = aws_tag_value(actual->tags, actual->tag_count, "hostname");
    const char *tenant = aws_tag_value(actual->tags, actual->tag_count, "tenant"),
               *application = aws_tag_value(actual->tags, actual->tag_count, "application"),
               *instance = aws_tag_value(actual->tags, actual->tag_count, "instance");
    return (struct instance){
        .id = actual->id,
        .hostname = hostname ? hostname : "",
        .application = tenant && application && instance
                           ? arena_format(arena, "%s:%s:%s", tenant, application, instance)
                           : NULL,
        .state = state_of(actual->state),
        .addresses = {actual->ipv6[0], actual->ipv6[0] ? actual->ipv6[1] : NULL},
        .reason = actual->state_reason,
        .launched_ms = actual->launched_ms,
        .token = text_empty(actual->client_token) ? NULL : actual->client_token,
        .launch_index = actual->launch_index,
    };
}

enum { OWN_TAGS = 9 };

/* The tenant's own tags do not take the place of ours. */
static size_t tags_of(const struct config *config, const struct launch *launch, struct arena *arena,
                      struct aws_tag **tags)
{
    bool single = launch->host_count == 1;
    const char *name =
        single ? launch->hostnames[0] : arena_format(arena, "%s.%s", launch->application, launch->cluster);
    const struct aws_tag own[OWN_TAGS] = {
        {"managedby", "vespa-cloud"},
        {"zone", config->zone},
        {"Name", name},
        {"tenant", launch->tenant},
        {"application", launch->application},
        {"instance", launch->instance},
        {"cluster", launch->cluster},
        {"owner", launch->owner},
        {"hostname", single ? name : NULL},
    };
    size_t count = 0;
    *tags = arena_alloc(arena, (OWN_TAGS + launch->tag_count) * sizeof **tags);
    for (size_t i = 0; i < OWN_TAGS; i++)
        if (own[i].value)
            (*tags)[count++] = own[i];
    for (size_t i = 0; i < launch->tag_count; i++)
        if (!text_equal(launch->tags[i].key, "hostname") && !aws_tag_value(*tags, count, launch->tags[i].key))
            (*tags)[count++] = (struct aws_tag){launch->tags[i].key, launch->tags[i].value};
    return count;
}

int cloud_aws_launch(void *context, const struct account *account, const struct place *place,
                     const struct launch *launch, struct arena *arena, struct instance *instances,
                     struct error *err)
{
    struct aws_client *client;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    struct aws_tag *tags;
    size_t tag_count = tags_of(cloud_aws_config(context), launch, arena, &tags), count;
    const struct ec2_run run = {
        .client_token = launch->token,
        .image_id = launch->image,
        .type = launch->type,
        .subnet_id = launch->subnet,
        .security_group_id = place->security_group,
        .profile_arn = place->host_profile_arn,
        .kms_key_id = place->disk_key,
        .user_data = launch->user_data,
        .count = (int)launch->host_count,
        .ipv6_count = 2,
        .disk_gb = launch->disk_gb,
        .tags = tags,
        .tag_count = tag_count,
    };
    struct ec2_instance *actual;
    if (ec2_run_instances(client, arena, &run, &actual, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < launch->host_count; i++)
        instances[i] = (struct instance){0};
    for (size_t i = 0; i < count; i++)
        if (actual[i].launch_index < (int64_t)launch->host_count)
            instances[actual[i].launch_index] = instance_of(arena, &actual[i]);
    return 0;
}

/* The tags by which ours are found; `more` may have a name. */
static size_t our_filters(void *context, const char *owner, struct ec2_filter more,
                          struct ec2_filter *filters)
{
    size_t count = 0;
    filters[count++] = (struct ec2_filter){"tag:managedby", {"vespa-cloud"}};
    filters[count++] = (struct ec2_filter){"tag:zone", {cloud_aws_config(context)->zone}};
    filters[count++] = (struct ec2_filter){"tag:owner", {owner}};
    if (more.name)
        filters[count++] = more;
    return count;
}

int cloud_aws_list(void *context, const struct account *account, const char *owner, struct arena *arena,
                   struct instance **instances, size_t *count, struct error *err)
{
    struct aws_client *client;
    struct ec2_instance *actual;
    struct ec2_filter filters[4];
    size_t filter_count = our_filters(context, owner, (struct ec2_filter){0}, filters);
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        ec2_describe_instances(client, arena, filters, filter_count, &actual, count, err) < 0)
        return -1;
    *instances = arena_alloc(arena, *count * sizeof **instances);
    for (size_t i = 0; i < *count; i++)
        (*instances)[i] = instance_of(arena, &actual[i]);
    return 0;
}

int cloud_aws_terminate(void *context, const struct account *account, const char *const *instance_ids,
                        size_t count, struct error *err)
{
    struct aws_client *client;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    if (ec2_terminate_instances(client, instance_ids, count, err) == 0)
        return 0;
    if (count == 1 || err->kind != ERROR_NOT_FOUND)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    for (size_t i = 0; i < count; i++) /* one that AWS knows no more keeps it from ending the others */
        if (cloud_aws_terminate(context, account, &instance_ids[i], 1, err) < 0)
            return -1;
    return 0;
}

int cloud_aws_name_instance(void *context, const struct account *account, const char *instance_id,
                            const char *hostname, struct error *err)
{
    struct aws_client *client;
    const struct aws_tag tags[] = {{"Name", hostname}, {"hostname", hostname}};
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    return ec2_create_tags(client, instance_id, tags, COUNT_OF(tags), err);
}

int cloud_aws_remove_disks(void *context, const struct account *account, const char *owner,
                           int64_t older_than_ms, struct arena *arena, const char ***removed, size_t *count,
                           struct error *err)
{
    struct aws_client *client;
    struct ec2_volume *volumes;
    struct ec2_filter filters[4];
    size_t found,
        filter_count = our_filters(context, owner, (struct ec2_filter){"status", {"available"}}, filters);
    *count = 0;
    if (cloud_aws_client(context, account, &client, err) < 0 ||
        ec2_describe_volumes(client, arena, filters, filter_count, &volumes, &found, err) < 0)
        return -1;
    *removed = arena_alloc(arena, found * sizeof **removed);
    for (size_t i = 0; i < found; i++) {
        if (volumes[i].created_ms >= older_than_ms)
            continue;
        if (ec2_delete_volume(client, volumes[i].id, err) == 0)
            (*removed)[(*count)++] = volumes[i].id;
        else if (err->kind != ERROR_NOT_FOUND && err->kind != ERROR_CONFLICT)
            return -1;
    }
    return 0;
}

static bool is_over(const char *description)
{
    return text_starts(description, "[Completed]") || text_starts(description, "[Canceled]");
}

struct announcements {
    struct arena *arena;
    struct instance_event *items;
    size_t count, room;
};

static void announce(struct announcements *announced, struct instance_event event)
{
    if (announced->count < announced->room)
        announced->items[announced->count++] = event;
}

/* DescribeInstanceStatus knows no tags: whose they are the caller finds by their ids. Two questions, since
 * filters all have to hold, and either answer is short in an account where all is well. */
int cloud_aws_events(void *context, const struct account *account, const char *owner, struct arena *arena,
                     struct instance_event **events, size_t *count, struct error *err)
{
    static const struct ec2_filter questions[] = {
        {"event.code",
         {"instance-retirement", "instance-stop", "instance-reboot", "system-reboot", "system-maintenance"}},
        {"system-status.status", {"impaired"}},
        {"instance-status.status", {"impaired"}},
    };
    struct aws_client *client;
    struct ec2_instance_status *statuses[COUNT_OF(questions)];
    size_t counts[COUNT_OF(questions)], room = 0;
    (void)owner;
    if (cloud_aws_client(context, account, &client, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        if (ec2_describe_instance_status(client, arena, &questions[i], 1, &statuses[i], &counts[i], err) < 0)
            return -1;
        for (size_t j = 0; j < counts[i]; j++)
            room += i == 0 ? statuses[i][j].event_count : 1;
    }
    struct announcements announced = {arena, arena_alloc(arena, room * sizeof *announced.items), 0, room};
    for (size_t j = 0; j < counts[0]; j++)
        for (size_t k = 0; k < statuses[0][j].event_count; k++)
            if (!is_over(statuses[0][j].events[k].description))
                announce(&announced, (struct instance_event){statuses[0][j].id, statuses[0][j].events[k].code,
                                                             statuses[0][j].events[k].description,
                                                             statuses[0][j].events[k].not_before_ms});
    for (size_t i = 1; i < COUNT_OF(questions); i++)
        for (size_t j = 0; j < counts[i]; j++)
            announce(&announced, (struct instance_event){statuses[i][j].id, "impaired",
                                                         i == 1 ? "the computer fails AWS's status check"
                                                                : "the machine fails AWS's status check",
                                                         0});
    *events = announced.items;
    *count = announced.count;
    return 0;
}
