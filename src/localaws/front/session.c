#include "localaws/front/session.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

#include <string.h>

enum { TOKEN_BYTES = 96 };

static char *new_token(struct arena *arena)
{
    unsigned char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    return base64_encode(arena, bytes, sizeof bytes);
}

/* What every session's keys are; the caller is filled in by whoever opens it. */
static struct access_key new_keys(struct arena *arena, int64_t duration_s)
{
    return (struct access_key){
        .id = key_new_id(arena, "ASIA"),
        .secret = key_new_secret(arena),
        .token = new_token(arena),
        .expires_ms = clock_now_ms() + duration_s * 1000,
    };
}

void session_open(struct region *region, struct arena *arena, const struct session_wish *wish,
                  struct access_key *key)
{
    const struct principal *role = wish->role;
    *key = new_keys(arena, wish->duration_s);
    key->caller = (struct caller){
        .kind = CALLER_ROLE,
        .account = role->account,
        .arn = arena_format(arena, "arn:aws:sts::%s:assumed-role/%s/%s", role->account->id, role->name,
                            wish->name),
        .principal_arn = role->arn,
        .user_id = arena_format(arena, "%s:%s", role->id, wish->name),
        .source_identity = wish->source_identity,
        .session_began_ms = clock_now_ms(),
    };
    key_add(region, key);
}

void iam_instance_identity_keys(struct region *region, const char *account_id, const char *instance_id,
                                struct arena *arena, struct role_keys *keys)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key key = new_keys(arena, locked->role_session_s);
    key.caller = (struct caller){
        .kind = CALLER_ROLE,
        .account = region_account(locked, account_id),
        .arn =
            arena_format(arena, "arn:aws:sts::%s:assumed-role/aws:ec2-instance/%s", account_id, instance_id),
        .principal_arn = arena_format(arena, "arn:aws:iam::%s:role/aws:ec2-instance", account_id),
        .user_id = arena_format(arena, "%s:aws:ec2-instance:%s", account_id, instance_id),
        .session_began_ms = clock_now_ms(),
    };
    key_add(locked, &key);
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
        .action = "sts:AssumeRole",
        .resource = role->arn,
        .service = "ec2.amazonaws.com",
        .context = facts,
        .context_count = COUNT_OF(facts),
    };
    struct policy_verdict verdict = {0};
    policy_judge(role->trust_policy.policy, &request, &verdict);
    return verdict.allowed && !verdict.denied;
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
    if (!ec2_may_assume(locked, arena, role))
        return error_code(err, ERROR_FORBIDDEN, "AssumeRoleUnauthorizedAccess",
                          "EC2 cannot assume the role %s: its trust policy does not allow ec2.amazonaws.com",
                          role->name);
    struct access_key key;
    session_open(
        locked, arena,
        &(struct session_wish){.role = role, .name = instance_id, .duration_s = locked->role_session_s},
        &key);
    *keys = (struct role_keys){key.id, key.secret, key.token, key.expires_ms};
    return 0;
}
