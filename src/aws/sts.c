#include "aws/sts.h"

#include "aws/sts_answer.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

/* "arn:aws:sts::210987654321:assumed-role/vespa-cloud-provisioner/session" */
static void split_session(struct arena *arena, struct sts_identity *identity)
{
    char **parts, **names;
    if (text_split(arena, identity->arn, ':', &parts) != 6 || !text_starts(parts[5], "assumed-role/"))
        return;
    if (text_split(arena, parts[5], '/', &names) != 3)
        return;
    identity->role = names[1];
    identity->session = names[2];
}

int sts_read_identity(struct arena *arena, xmlNode *answer, struct sts_identity *identity, struct error *err)
{
    xmlNode *result = xml_first(answer, "GetCallerIdentityResult");
    *identity = (struct sts_identity){0};
    if (result) {
        identity->account = xml_child_content(arena, result, "Account");
        identity->arn = xml_child_content(arena, result, "Arn");
        identity->user_id = xml_child_content(arena, result, "UserId");
    }
    if (text_empty(identity->account) || text_empty(identity->arn) || text_empty(identity->user_id))
        return error_set(err, ERROR_UNAVAILABLE, "sts GetCallerIdentity: the answer names nobody");
    split_session(arena, identity);
    return 0;
}

int sts_get_caller_identity(struct aws_client *client, struct arena *arena, struct sts_identity *identity,
                            struct error *err)
{
    xmlNode *answer;
    if (aws_query_call(client, "sts", "GetCallerIdentity", NULL, arena, &answer, err) < 0)
        return -1;
    return sts_read_identity(arena, answer, identity, err);
}

int sts_assume_role(struct aws_client *client, struct arena *arena, const char *role_arn,
                    const char *session_name, const char *external_id, int duration_s, struct aws_keys *keys,
                    struct error *err)
{
    struct aws_parameters parameters = {0};
    aws_parameter(arena, &parameters, role_arn, "RoleArn");
    aws_parameter(arena, &parameters, session_name, "RoleSessionName");
    aws_parameter(arena, &parameters, external_id, "ExternalId");
    aws_parameter(arena, &parameters, arena_format(arena, "%d", duration_s), "DurationSeconds");
    xmlNode *answer;
    if (aws_query_call(client, "sts", "AssumeRole", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *result = xml_first(answer, "AssumeRoleResult");
    xmlNode *given = result ? xml_first(result, "Credentials") : NULL;
    if (!given)
        return error_set(err, ERROR_UNAVAILABLE, "sts AssumeRole: the answer has no credentials");
    keys->access_key_id = xml_child_content(arena, given, "AccessKeyId");
    keys->secret_access_key = xml_child_content(arena, given, "SecretAccessKey");
    keys->session_token = xml_child_content(arena, given, "SessionToken");
    const char *expiration = xml_child_content(arena, given, "Expiration");
    if (text_empty(keys->access_key_id) || text_empty(keys->secret_access_key) ||
        text_empty(keys->session_token) || text_empty(expiration))
        return error_set(err, ERROR_UNAVAILABLE, "sts AssumeRole: the answer's credentials are not whole");
    return clock_parse(expiration, &keys->expires_ms, err);
}
