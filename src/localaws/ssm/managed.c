/* Managed instances: those on which an agent would run and be let in by IAM, by the role of the instance's
 * profile. */
#include "localaws/ssm/ssm.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/ec2/image.h"
#include "localaws/iam/iam.h"
#include "localaws/iam/permission.h"

#include <string.h>

enum { LIST_MOST = 50 };

/* --- whether ------------------------------------------------------------------------------------- */

/* What the agent asks of AWS with the keys of the machine's role; AmazonSSMManagedInstanceCore allows all of
 * it. */
static bool role_allows(struct instance *instance, struct arena *arena)
{
    static const char *const needs[] = {"ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
                                        "ssmmessages:OpenControlChannel", "ssmmessages:CreateDataChannel",
                                        "ssmmessages:OpenDataChannel"};
    struct region *region = instance->resource.region;
    char *arn, *id, *role_arn;
    if (!instance->profile_arn ||
        iam_find_instance_profile(region, instance->resource.account, instance->profile_arn, arena, &arn, &id,
                                  &role_arn, NULL) < 0)
        return false;
    const struct principal *role = role_arn ? iam_principal(region, role_arn) : NULL;
    if (!role)
        return false;
    const struct caller agent = {
        .kind = CALLER_ROLE,
        .account = instance->resource.account,
        .arn = arena_format(arena, "arn:aws:sts::%s:assumed-role/%s/%s", instance->resource.account->id,
                            role->name, instance->resource.id),
        .principal_arn = role->arn,
        .user_id = arena_format(arena, "%s:%s", role->id, instance->resource.id),
    };
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        const struct question question = {
            .region = region,
            .caller = &agent,
            .action = needs[i],
            .resource = i ? "*" : resource_arn(region, arena, &instance->resource),
        };
        if (!permission_ask(arena, &question).allowed)
            return false;
    }
    return true;
}

static bool is_machine(const struct instance *instance, struct arena *arena)
{
    const struct region *region = instance->resource.region;
    const struct image *image =
        region->plane ? image_find(instance->resource.region, arena, instance->image_id) : NULL;
    return image && image->argv_count;
}

enum managed_state managed_state(struct instance *instance)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN ||
        instance->state == INSTANCE_PENDING || !is_machine(instance, arena) || !role_allows(instance, arena))
        return MANAGED_NOT;
    return instance->state == INSTANCE_RUNNING ? MANAGED_ONLINE : MANAGED_LOST;
}

const char *const *managed_context(struct call *call, const struct tag *tags, size_t count, const char *key,
                                   const char *value)
{
    const char **pairs = arena_alloc(call->arena, (4 * count + 3) * sizeof *pairs);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        pairs[made++] = arena_format(call->arena, "aws:ResourceTag/%s", tags[i].key);
        pairs[made++] = tags[i].value;
        pairs[made++] = arena_format(call->arena, "ssm:resourceTag/%s", tags[i].key);
        pairs[made++] = tags[i].value;
    }
    if (key) {
        pairs[made++] = key;
        pairs[made++] = value;
    }
    return pairs;
}

/* --- showing ------------------------------------------------------------------------------------- */

static json_t *describe(struct instance *instance, enum managed_state state)
{
    const char *role = strrchr(instance->profile_arn, '/');
    int64_t now_ms = clock_now_ms();
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:s, s:s, s:s, s:s, s:o, s:s, s:s*, s:s*, s:s, s:s}",
                     "InstanceId", instance->resource.id, "PingStatus",
                     state == MANAGED_ONLINE ? "Online" : "ConnectionLost", "LastPingDateTime",
                     ssm_time(state == MANAGED_ONLINE ? now_ms : instance->launched_ms), "AgentVersion",
                     SSM_AGENT_VERSION, "IsLatestVersion", 0, "PlatformType", "Linux", "PlatformName",
                     "Debian GNU/Linux", "PlatformVersion", "12", "IamRole", role ? role + 1 : "",
                     "RegistrationDate", ssm_time(instance->launched_ms), "ResourceType", "EC2Instance",
                     "IPAddress", instance->private_address, "ComputerName", instance->private_dns,
                     "SourceId", instance->resource.id, "SourceType", "AWS::EC2::Instance");
}

static bool one_of(const json_t *values, const char *value)
{
    size_t index;
    json_t *one;
    json_array_foreach(values, index, one)
        if (text_equal(json_string_value(one), value))
            return true;
    return false;
}

static bool has_tag(const struct instance *instance, const char *key, const json_t *values)
{
    const char *value = resource_tag(&instance->resource, key);
    return value && one_of(values, value);
}

static int keeps(struct call *call, const struct instance *instance, const json_t *shown, const char *key,
                 const json_t *values, bool *kept, struct error *err)
{
    static const char *const keys[][2] = {{"InstanceIds", "InstanceId"},     {"PingStatus", "PingStatus"},
                                          {"PlatformTypes", "PlatformType"}, {"AgentVersion", "AgentVersion"},
                                          {"ResourceType", "ResourceType"},  {"IamRole", "IamRole"}};
    if (key && text_starts(key, "tag:")) {
        *kept &= has_tag(instance, key + strlen("tag:"), values);
        return 0;
    }
    if (text_equal(key, "tag-key")) {
        bool has = false;
        for (size_t i = 0; i < instance->resource.tag_count; i++)
            has |= one_of(values, instance->resource.tags[i].key);
        *kept &= has;
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (text_equal(key, keys[i][0])) {
            *kept &= one_of(values, json_member_text(shown, keys[i][1]));
            return 0;
        }
    return call_fail(call, err, 400, "InvalidFilterKey", "The filter key %.60s is not valid.",
                     key ? key : "");
}

static int filter(struct call *call, const struct instance *instance, const json_t *shown, bool *kept,
                  struct error *err)
{
    size_t index;
    json_t *one;
    *kept = true;
    json_array_foreach(json_object_get(call->json, "Filters"), index, one)
        if (keeps(call, instance, shown, json_member_text(one, "Key"), json_object_get(one, "Values"), kept,
                  err) < 0)
            return -1;
    json_array_foreach(json_object_get(call->json, "InstanceInformationFilterList"), index, one)
        if (keeps(call, instance, shown, json_member_text(one, "key"), json_object_get(one, "valueSet"), kept,
                  err) < 0)
            return -1;
    return 0;
}

int describe_instance_information(struct call *call, struct error *err)
{
    json_t *answer = json_pack("{s:[]}", "InstanceInformationList");
    json_t *list = json_object_get(answer, "InstanceInformationList");
    for_each_resource(struct instance, instance, call->account, &instance_kind) {
        enum managed_state state = managed_state(instance);
        if (state == MANAGED_NOT)
            continue;
        json_t *shown = describe(instance, state);
        bool kept;
        int result = filter(call, instance, shown, &kept, err);
        if (result == 0 && kept)
            json_array_append(list, shown);
        json_decref(shown);
        if (result < 0) {
            json_decref(answer);
            return -1;
        }
    }
    return ssm_page(call, answer, "InstanceInformationList", "InstanceId", LIST_MOST, err);
}

int get_connection_status(struct call *call, struct error *err)
{
    const char *target = json_member_text(call->json, "Target");
    if (text_empty(target))
        return ssm_invalid(call, err, "Target is an instance's id.");
    struct instance *instance = resource_find(call->region, call->account, &instance_kind, target);
    bool online = instance && managed_state(instance) == MANAGED_ONLINE;
    ssm_answer(call,
               json_pack("{s:s, s:s}", "Target", target, "Status", online ? "connected" : "notconnected"));
    return 0;
}
