#include "localaws/front/session.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/trail/trail.h"
#include "policy/decision.h"

#include <string.h>

enum { TOKEN_BYTES = 96 };

static char *new_token(struct arena *arena)
{
    unsigned char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    return base64_encode(arena, bytes, sizeof bytes);
}

static const struct field scope_fields[] = {
    FIELD_TEXT(struct session_scope, policy, "policy", OPTIONAL, 4096, NULL, "inline session policy"),
    FIELD_LIST(struct session_scope, policy_arns, policy_arn_count, "policies", OPTIONAL,
               SESSION_POLICIES_MOST, &text_record, "managed session policies"),
    FIELD_LIST(struct session_scope, tags, tag_count, "tags", OPTIONAL, SESSION_TAGS_MOST, &tag_record,
               "session tags"),
    FIELD_LIST(struct session_scope, transitive, transitive_count, "transitive", OPTIONAL, SESSION_TAGS_MOST,
               &text_record, "keys of tags that go on"),
    FIELD_TEXT(struct session_scope, instance_arn, "instance", OPTIONAL, 512, NULL,
               "EC2 instance it was made for"),
    FIELD_END,
};
const struct record session_scope_record = {"session", sizeof(struct session_scope), scope_fields};

bool session_scope_says(const struct session_scope *scope)
{
    return scope->policy || scope->policy_arn_count || scope->tag_count || scope->instance_arn;
}

/* Temporary keys for this caller. */
static void open_session(struct region *region, struct arena *arena, const struct caller *caller,
                         int64_t duration_s, struct access_key *key)
{
    int64_t now_ms = clock_now_ms();
    *key = (struct access_key){
        .id = key_new_id(arena, "ASIA"),
        .secret = key_new_secret(arena),
        .token = new_token(arena),
        .expires_ms = now_ms + duration_s * 1000,
        .caller = *caller,
    };
    key->caller.session_began_ms = now_ms;
    key_add(region, key);
}

void session_open(struct region *region, struct arena *arena, const struct session_wish *wish,
                  struct access_key *key)
{
    const struct principal *role = wish->principal;
    const struct caller caller = {
        .kind = CALLER_ROLE,
        .account = role->account,
        .arn = arena_format(arena, "arn:aws:sts::%s:assumed-role/%s/%s", role->account->id, role->name,
                            wish->name),
        .principal_arn = role->arn,
        .user_id = arena_format(arena, "%s:%s", role->id, wish->name),
        .source_identity = wish->source_identity,
        .scope = session_scope_says(&wish->scope) ? &wish->scope : NULL,
    };
    open_session(region, arena, &caller, wish->duration_s, key);
}

void session_open_federated(struct region *region, struct arena *arena, const struct caller *caller,
                            const struct session_wish *wish, struct access_key *key)
{
    struct caller federated = *caller;
    federated.kind = CALLER_FEDERATED;
    federated.arn = arena_format(arena, "arn:aws:sts::%s:federated-user/%s", caller->account->id, wish->name);
    federated.user_id = arena_format(arena, "%s:%s", caller->account->id, wish->name);
    federated.scope = &wish->scope;
    open_session(region, arena, &federated, wish->duration_s, key);
}

void session_open_same(struct region *region, struct arena *arena, const struct caller *caller,
                       int64_t duration_s, struct access_key *key)
{
    open_session(region, arena, caller, duration_s, key);
}

/* Nobody's role: it may do nothing, but prove which instance it is. */
void iam_instance_identity_keys(struct region *region, const char *account_id, const char *instance_id,
                                struct arena *arena, struct role_keys *keys)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key key;
    const struct caller caller = {
        .kind = CALLER_ROLE,
        .account = region_account(locked, account_id),
        .arn =
            arena_format(arena, "arn:aws:sts::%s:assumed-role/aws:ec2-instance/%s", account_id, instance_id),
        .principal_arn = arena_format(arena, "arn:aws:iam::%s:role/aws:ec2-instance", account_id),
        .user_id = arena_format(arena, "%s:aws:ec2-instance:%s", account_id, instance_id),
    };
    open_session(locked, arena, &caller, locked->role_session_s, &key);
    *keys = (struct role_keys){key.id, key.secret, key.token, key.expires_ms};
}

/* EC2 assumes the role of a profile for its instances: the trust policy must name it. */
static bool ec2_may_assume(struct region *region, struct arena *arena, const struct principal *role)
{
    const struct policy_value facts[] = {
        {"aws:SecureTransport", "true"},
        {"aws:CurrentTime", clock_rfc3339(arena, clock_now_ms())},
        {"aws:RequestedRegion", region->name},
        {"aws:SourceAccount", role->account->id},
    };
    const struct policy_request request = {
        .principal = {.kind = PRINCIPAL_SERVICE, .service = "ec2.amazonaws.com"},
        .action = "sts:AssumeRole",
        .resource = role->arn,
        .owner = role->account->id,
        .context = facts,
        .context_count = COUNT_OF(facts),
    };
    const struct policy_set policies = {.resource = role->trust_policy.policy, .rule = RESOURCE_ROLE};
    return policy_decide(&policies, &request).allowed;
}

static const struct principal *role_of_profile(struct account *account, const char *profile_arn)
{
    const char *slash = strrchr(profile_arn, '/');
    const struct iam *iam = iam_of(account);
    const struct instance_profile *profile = slash ? table_get(&iam->profiles, slash + 1) : NULL;
    if (!profile || !text_equal(profile->arn, profile_arn) || !profile->role)
        return NULL;
    return table_get(&iam->roles, profile->role);
}

static void tell(struct region *region, const struct principal *role, const char *session,
                 const struct error *err)
{
    const struct caller ec2 = {.kind = CALLER_SERVICE, .account = role->account};
    json_t *parameters = json_pack("{s:s, s:s}", "roleArn", role->arn, "roleSessionName", session);
    trail_service_use(region,
                      &(struct trail_use){.caller = &ec2,
                                          .service = "sts",
                                          .action = "AssumeRole",
                                          .by = "ec2",
                                          .resource = role->arn,
                                          .resource_type = "AWS::IAM::Role",
                                          .owner = role->account->id,
                                          .parameters = parameters},
                      err);
    json_decref(parameters);
}

int iam_instance_role_keys(struct region *region, const char *account_id, const char *profile_arn,
                           const char *instance_id, struct arena *arena, struct role_keys *keys,
                           char **role_name, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct account *account = region_account(locked, account_id);
    const struct principal *role = account ? role_of_profile(account, profile_arn) : NULL;
    if (!role)
        return error_set(err, ERROR_NOT_FOUND, "no role behind instance profile %s", profile_arn);
    *role_name = arena_strdup(arena, role->name);
    if (!ec2_may_assume(locked, arena, role)) {
        struct error refused = {0};
        error_code(&refused, ERROR_FORBIDDEN, "AccessDenied", "ec2.amazonaws.com may not assume %s",
                   role->arn);
        tell(locked, role, instance_id, &refused);
        return error_code(err, ERROR_FORBIDDEN, "AssumeRoleUnauthorizedAccess",
                          "EC2 cannot assume the role %s: its trust policy does not allow ec2.amazonaws.com",
                          role->name);
    }
    const struct session_wish wish = {
        .principal = role,
        .name = instance_id,
        .duration_s = locked->role_session_s,
        .scope = {.instance_arn = arena_format(arena, "arn:aws:ec2:%s:%s:instance/%s", region->name,
                                               account_id, instance_id)},
    };
    struct access_key key;
    session_open(locked, arena, &wish, &key);
    tell(locked, role, instance_id, NULL);
    *keys = (struct role_keys){key.id, key.secret, key.token, key.expires_ms};
    return 0;
}
