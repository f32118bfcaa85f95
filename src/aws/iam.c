#include "aws/iam.h"

#include "base/text.h"

static xmlNode *find_result(xmlNode *answer, const char *result, const char *thing)
{
    xmlNode *found = xml_first(answer, result);
    return found ? xml_first(found, thing) : NULL;
}

int iam_get_role(struct aws_client *client, struct arena *arena, const char *name, struct iam_role *role,
                 struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, name, "RoleName");
    if (aws_query_call(client, "iam", "GetRole", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *found = find_result(answer, "GetRoleResult", "Role");
    const char *encoded = found ? xml_child_content(arena, found, "AssumeRolePolicyDocument") : NULL;
    char *policy = NULL;
    if (!encoded || percent_decode(arena, encoded, false, &policy, NULL) < 0)
        return error_set(err, ERROR_UNAVAILABLE, "iam GetRole: the answer has no trust policy");
    *role = (struct iam_role){xml_child_content(arena, found, "RoleName"),
                              xml_child_content(arena, found, "Arn"), policy};
    return text_empty(role->arn) ? error_set(err, ERROR_UNAVAILABLE, "iam GetRole: the answer has no ARN")
                                 : 0;
}

int iam_get_instance_profile(struct aws_client *client, struct arena *arena, const char *name,
                             const char **arn, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, name, "InstanceProfileName");
    if (aws_query_call(client, "iam", "GetInstanceProfile", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *found = find_result(answer, "GetInstanceProfileResult", "InstanceProfile");
    *arn = found ? xml_child_content(arena, found, "Arn") : NULL;
    return text_empty(*arn)
               ? error_set(err, ERROR_UNAVAILABLE, "iam GetInstanceProfile: the answer has no ARN")
               : 0;
}
