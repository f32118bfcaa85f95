#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include <string.h>

enum { VERSIONS_MOST = 5, POLICY_SIZE_LARGEST = 6144 };

static const struct iam_naming naming = {"PolicyName", "policy", "ANPAX", 128};

/* AWS's own policies that roles here attach. What such a policy allows is AWS's to say; this is what is
 * documented. */
static const struct {
    const char *arn, *document;
} aws_policies[] = {
    {"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
     "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":["
     "\"ssm:DescribeAssociation\",\"ssm:GetDeployablePatchSnapshotForInstance\",\"ssm:GetDocument\","
     "\"ssm:DescribeDocument\",\"ssm:GetManifest\",\"ssm:GetParameter\",\"ssm:GetParameters\","
     "\"ssm:ListAssociations\",\"ssm:ListInstanceAssociations\",\"ssm:PutInventory\",\"ssm:"
     "PutComplianceItems\","
     "\"ssm:PutConfigurePackageResult\",\"ssm:UpdateAssociationStatus\",\"ssm:"
     "UpdateInstanceAssociationStatus\","
     "\"ssm:UpdateInstanceInformation\",\"ssmmessages:CreateControlChannel\",\"ssmmessages:"
     "CreateDataChannel\","
     "\"ssmmessages:OpenControlChannel\",\"ssmmessages:OpenDataChannel\",\"ec2messages:AcknowledgeMessage\","
     "\"ec2messages:DeleteMessage\",\"ec2messages:FailMessage\",\"ec2messages:GetEndpoint\","
     "\"ec2messages:GetMessages\",\"ec2messages:SendReply\"],\"Resource\":\"*\"}]}"},
};

/* Made when first asked for; region-wide. */
static struct managed_policy *aws_policy(struct region *region, const char *arn)
{
    struct table *known = &iam_region_of(region)->aws_policies;
    struct managed_policy *policy = table_get(known, arn);
    for (size_t i = 0; !policy && i < COUNT_OF(aws_policies); i++) {
        if (!text_equal(aws_policies[i].arn, arn))
            continue;
        struct policy_version version = {.id = "v1", .document = (char *)aws_policies[i].document};
        policy = managed_policy_add(known, &(struct managed_policy){
                                               .name = strrchr(arn, '/') + 1,
                                               .path = "/",
                                               .id = "ANPAXAWSMANAGEDPOLICY",
                                               .arn = (char *)arn,
                                               .default_version = "v1",
                                               .versions = &version,
                                               .version_count = 1,
                                           });
        parsed_policy_set(&policy->parsed, version.document, POLICY_IDENTITY, NULL);
    }
    return policy;
}

struct managed_policy *iam_managed_policy(struct region *region, const struct account *account,
                                          const char *arn)
{
    if (text_starts(arn, "arn:aws:iam::aws:policy/"))
        return aws_policy(region, arn);
    return table_get(&iam_of(account)->policies, arn);
}

int iam_target_policy(struct call *call, struct managed_policy **policy, struct error *err)
{
    const char *arn;
    if (call_required(call, "PolicyArn", &arn, err) < 0)
        return -1;
    *policy = iam_managed_policy(call->region, call->account, arn);
    const struct managed_policy nothing = {0}, *known = *policy ? *policy : &nothing;
    if (iam_authorize_tagged(call, arn, known->tags, known->tag_count, NULL, err) < 0)
        return -1;
    return *policy ? 0 : call_fail(call, err, 404, "NoSuchEntity", "Policy %.300s was not found.", arn);
}

/* As iam_target_policy, for what changes it: AWS's own stay as they are. */
static int own_policy(struct call *call, struct managed_policy **policy, struct error *err)
{
    if (iam_target_policy(call, policy, err) < 0)
        return -1;
    if (text_starts((*policy)->arn, "arn:aws:iam::aws:"))
        return call_fail(call, err, 403, "AccessDenied", "An AWS managed policy cannot be changed");
    return 0;
}

static struct policy_version *find_version(const struct managed_policy *policy, const char *id)
{
    for (size_t i = 0; i < policy->version_count; i++)
        if (text_equal(policy->versions[i].id, id))
            return &policy->versions[i];
    return NULL;
}

static int target_version(struct call *call, struct managed_policy *policy, struct policy_version **version,
                          struct error *err)
{
    const char *id;
    if (call_required(call, "VersionId", &id, err) < 0)
        return -1;
    *version = find_version(policy, id);
    return *version ? 0
                    : call_fail(call, err, 404, "NoSuchEntity", "Policy %s version %.20s does not exist.",
                                policy->arn, id);
}

void put_policy_inside(struct call *call, const struct managed_policy *policy, bool whole)
{
    struct buffer *out = &call->answer;
    put_text(out, "PolicyName", policy->name);
    put_text(out, "PolicyId", policy->id);
    put_text(out, "Arn", policy->arn);
    put_text(out, "Path", policy->path);
    put_text(out, "DefaultVersionId", policy->default_version);
    put_number(out, "AttachmentCount", (int64_t)policy->attachments);
    put_number(out, "PermissionsBoundaryUsageCount", (int64_t)policy->boundaries);
    put_bool(out, "IsAttachable", true);
    put_time(out, "CreateDate", policy->created_ms);
    put_time(out, "UpdateDate", policy->updated_ms);
    if (!whole)
        return;
    put_text(out, "Description", policy->description);
    put_tag_members(out, policy->tags, policy->tag_count);
}

static void put_policy(struct call *call, const struct managed_policy *policy)
{
    put_open(&call->answer, "Policy");
    put_policy_inside(call, policy, true);
    put_close(&call->answer, "Policy");
}

/* Lists leave out descriptions and tags, as AWS's do. */
static void put_policy_in_list(struct call *call, const char *element, const void *policy)
{
    put_open(&call->answer, element);
    put_policy_inside(call, policy, false);
    put_close(&call->answer, element);
}

void put_version(struct call *call, const char *name, const struct managed_policy *policy,
                 const struct policy_version *version, bool with_document)
{
    struct buffer *out = &call->answer;
    put_open(out, name);
    if (with_document)
        put_document(call, "Document", version->document);
    put_text(out, "VersionId", version->id);
    put_bool(out, "IsDefaultVersion", text_equal(version->id, policy->default_version));
    put_time(out, "CreateDate", version->created_ms);
    put_close(out, name);
}

static int policy_document(struct call *call, const char **document, struct error *err)
{
    if (iam_document(call, "PolicyDocument", POLICY_IDENTITY, document, err) < 0)
        return -1;
    if (policy_size(*document) > POLICY_SIZE_LARGEST)
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for PolicySize: %d",
                         POLICY_SIZE_LARGEST);
    return 0;
}

int create_policy(struct call *call, struct error *err)
{
    struct iam_names names;
    const char *document, *description = call_parameter(call, "Description");
    int64_t now_ms = clock_now_ms();
    struct policy_version version = {.id = "v1", .created_ms = now_ms};
    struct managed_policy draft = {.default_version = "v1",
                                   .versions = &version,
                                   .version_count = 1,
                                   .next_version = 2,
                                   .created_ms = now_ms,
                                   .updated_ms = now_ms};
    if (iam_name_new(call, &naming, &names, err) < 0 || policy_document(call, &document, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.tags, &draft.tag_count, err) < 0)
        return -1;
    struct table *policies = &iam_of(call->account)->policies;
    if (table_get(policies, names.arn))
        return call_fail(call, err, 409, "EntityAlreadyExists", "A policy called %s already exists.",
                         names.name);
    version.document = (char *)document;
    draft.name = names.name;
    draft.path = names.path;
    draft.id = names.id;
    draft.arn = names.arn;
    draft.description = text_empty(description) ? NULL : (char *)description;
    struct managed_policy *policy = managed_policy_add(policies, &draft);
    if (parsed_policy_set(&policy->parsed, document, POLICY_IDENTITY, err) < 0)
        return -1;
    region_changed(call->region);
    put_policy(call, policy);
    return 0;
}

int get_policy(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (iam_target_policy(call, &policy, err) < 0)
        return -1;
    put_policy(call, policy);
    return 0;
}

static bool is_wanted(struct call *call, const struct managed_policy *policy)
{
    const char *prefix = call_parameter(call, "PathPrefix"),
               *usage = call_parameter(call, "PolicyUsageFilter");
    bool as_boundary = text_equal(usage, "PermissionsBoundary");
    if (prefix && !text_starts(policy->path, prefix))
        return false;
    if (call_true(call, "OnlyAttached") || usage)
        return as_boundary ? policy->boundaries : policy->attachments;
    return true;
}

int list_policies(struct call *call, struct error *err)
{
    struct iam_list list;
    const char *arn = arena_format(call->arena, "arn:aws:iam::%s:policy/", call->account->id);
    const char *scope = call_parameter(call, "Scope");
    if (iam_authorize(call, arn, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    const struct managed_policy *policy;
    if (!text_equal(scope, "AWS"))
        for (size_t at = 0; (policy = table_next(&iam_of(call->account)->policies, &at));)
            if (is_wanted(call, policy))
                iam_list_add(&list, policy->arn, policy);
    for (size_t i = 0; !text_equal(scope, "Local") && i < COUNT_OF(aws_policies); i++) {
        policy = aws_policy(call->region, aws_policies[i].arn);
        if (is_wanted(call, policy))
            iam_list_add(&list, policy->arn, policy);
    }
    iam_list_put(&list, "Policies", put_policy_in_list);
    return 0;
}

int delete_policy(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (own_policy(call, &policy, err) < 0)
        return -1;
    if (policy->attachments || policy->boundaries)
        return call_fail(call, err, 409, "DeleteConflict", "Cannot delete a policy attached to entities.");
    if (policy->version_count > 1)
        return call_fail(
            call, err, 409, "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the "
            "policy's versions. The default version is deleted with the policy.");
    managed_policy_remove(&iam_of(call->account)->policies, policy);
    region_changed(call->region);
    return 0;
}

int create_policy_version(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    const char *document;
    if (own_policy(call, &policy, err) < 0 || policy_document(call, &document, err) < 0)
        return -1;
    if (policy->version_count == VERSIONS_MOST)
        return call_fail(
            call, err, 409, "LimitExceeded",
            "A managed policy can have up to %d versions. Before you create a new version, you must "
            "delete an existing version.",
            VERSIONS_MOST);
    if (call_true(call, "SetAsDefault") &&
        parsed_policy_set(&policy->parsed, document, POLICY_IDENTITY, err) < 0)
        return -1;
    struct policy_version *version = list_add(&policy->versions, &policy->version_count, sizeof *version);
    version->id = memory_format("v%lld", (long long)policy->next_version++);
    text_replace(&version->document, document);
    version->created_ms = clock_now_ms();
    if (call_true(call, "SetAsDefault")) {
        text_replace(&policy->default_version, version->id);
        policy->updated_ms = version->created_ms;
    }
    region_changed(call->region);
    put_version(call, "PolicyVersion", policy, version, false);
    return 0;
}

int get_policy_version(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    struct policy_version *version;
    if (iam_target_policy(call, &policy, err) < 0 || target_version(call, policy, &version, err) < 0)
        return -1;
    put_version(call, "PolicyVersion", policy, version, true);
    return 0;
}

int list_policy_versions(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (iam_target_policy(call, &policy, err) < 0)
        return -1;
    put_open(&call->answer, "Versions"); /* at most five: one page */
    for (size_t i = policy->version_count; i-- > 0;)
        put_version(call, "member", policy, &policy->versions[i], false);
    put_close(&call->answer, "Versions");
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}

int delete_policy_version(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    struct policy_version *version;
    if (own_policy(call, &policy, err) < 0 || target_version(call, policy, &version, err) < 0)
        return -1;
    if (text_equal(version->id, policy->default_version))
        return call_fail(call, err, 409, "DeleteConflict", "Cannot delete the default version of a policy.");
    list_remove(&policy_version_record, &policy->versions, &policy->version_count,
                (size_t)(version - policy->versions));
    region_changed(call->region);
    return 0;
}

int set_default_policy_version(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    struct policy_version *version;
    if (own_policy(call, &policy, err) < 0 || target_version(call, policy, &version, err) < 0 ||
        parsed_policy_set(&policy->parsed, version->document, POLICY_IDENTITY, err) < 0)
        return -1;
    text_replace(&policy->default_version, version->id);
    policy->updated_ms = clock_now_ms();
    region_changed(call->region);
    return 0;
}

int tag_policy(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (own_policy(call, &policy, err) < 0 || iam_tag(call, &policy->tags, &policy->tag_count, err) < 0)
        return -1;
    region_changed(call->region);
    return 0;
}

int untag_policy(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (own_policy(call, &policy, err) < 0)
        return -1;
    iam_untag(call, &policy->tags, &policy->tag_count);
    region_changed(call->region);
    return 0;
}

int list_policy_tags(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    if (iam_target_policy(call, &policy, err) < 0)
        return -1;
    return iam_list_tags(call, policy->tags, policy->tag_count, err);
}
