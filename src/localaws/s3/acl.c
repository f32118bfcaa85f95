#include "localaws/s3/acl.h"

#include "base/record.h"
#include "base/xml.h"
#include "localaws/s3/public_access.h"

#include <string.h>

#define GROUPS "http://acs.amazonaws.com/groups/"

enum { MOST_GRANTS = 100, LARGEST = 64 << 10 };

static const char everyone[] = GROUPS "global/AllUsers";
static const char anyone_known[] = GROUPS "global/AuthenticatedUsers";
static const char log_delivery[] = GROUPS "s3/LogDelivery";

static const char *const permissions[] = {"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"};

/* Beside the owner's full control. */
static const struct {
    const char *name, *permissions, *group;
} canned[] = {
    {"private", NULL, NULL},
    {"bucket-owner-full-control", NULL, NULL},
    {"bucket-owner-read", NULL, NULL},
    {"public-read", "READ", everyone},
    {"public-read-write", "READ WRITE", everyone},
    {"authenticated-read", "READ", anyone_known},
    {"log-delivery-write", "WRITE READ_ACP", log_delivery},
};

bool s3_acl_enabled(struct s3_call *s3)
{
    const char *text = s3->bucket.documents[S3_OWNERSHIP];
    return !text || !strstr(text, "BucketOwnerEnforced");
}

static int add_grant(struct s3_call *s3, struct buffer *acl, const char *permission, const char *grantee,
                     struct error *err)
{
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(permissions); i++)
        known |= text_equal(permissions[i], permission);
    bool group = text_equal(grantee, everyone) || text_equal(grantee, anyone_known) ||
                 text_equal(grantee, log_delivery);
    bool account = grantee && strlen(grantee) == 64 && text_only(grantee, "0-9");
    if (!known || (!group && !account))
        return s3_fail(s3, err, 400, known ? "InvalidArgument" : "MalformedACLError",
                       known ? "Invalid id"
                             : "The XML you provided was not well-formed or did not validate "
                               "against our published schema");
    buffer_format(acl, "%s %s\n", permission, grantee);
    return 0;
}

static char *canonical_id(struct s3_call *s3, const char *account)
{
    return arena_format(s3->arena, "%064lld", strtoll(account, NULL, 10));
}

static int read_canned(struct s3_call *s3, const char *name, struct buffer *acl, struct error *err)
{
    size_t at = 0;
    while (at < COUNT_OF(canned) && !text_equal(canned[at].name, name))
        at++;
    if (at == COUNT_OF(canned))
        return s3_fail(s3, err, 400, "InvalidArgument", "x-amz-acl is not valid");
    buffer_format(acl, "FULL_CONTROL %s\n", canonical_id(s3, s3->bucket.owner));
    char **names;
    size_t count = canned[at].permissions ? text_split(s3->arena, canned[at].permissions, ' ', &names) : 0;
    for (size_t i = 0; i < count; i++)
        buffer_format(acl, "%s %s\n", names[i], canned[at].group);
    return 0;
}

/* x-amz-grant-read: id="...", uri="..." */
static int read_grantees(struct s3_call *s3, const char *permission, const char *header, struct buffer *acl,
                         struct error *err)
{
    char **parts;
    size_t count = text_split(s3->arena, header, ',', &parts);
    for (size_t i = 0; i < count; i++) {
        const char *part = text_trim(s3->arena, parts[i]);
        if (text_starts(part, "emailAddress="))
            return s3_fail(s3, err, 400, "UnresolvableGrantByEmailAddress",
                           "The e-mail address you provided does not match any account on record.");
        const char *value = text_starts(part, "id=") ? part + 3 : text_starts(part, "uri=") ? part + 4 : "";
        size_t length = strlen(value);
        if (length >= 2 && *value == '"' && value[length - 1] == '"')
            value = arena_strndup(s3->arena, value + 1, length - 2);
        if (add_grant(s3, acl, permission, value, err) < 0)
            return -1;
    }
    return 0;
}

static int read_headers(struct s3_call *s3, struct buffer *acl, struct error *err)
{
    static const char *const headers[] = {"x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-write",
                                          "x-amz-grant-read-acp", "x-amz-grant-write-acp"};
    const char *name = s3_header(s3, "x-amz-acl");
    bool granted = false;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        const char *header = s3_header(s3, headers[i]);
        granted |= header != NULL;
        if (header && read_grantees(s3, permissions[i], header, acl, err) < 0)
            return -1;
    }
    if (name && granted)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "Specifying both Canned ACLs and Header Grants is not allowed");
    return name ? read_canned(s3, name, acl, err) : 0;
}

static int read_document(struct s3_call *s3, const struct buffer *body, struct buffer *acl, struct error *err)
{
    xmlNode *root;
    size_t count = 0;
    if (xml_parse(s3->arena, "the ACL", buffer_string(body), body->length, &root, NULL) < 0 ||
        strcmp(xml_name(root), "AccessControlPolicy") != 0)
        return s3_fail(s3, err, 400, "MalformedACLError", "The XML you provided is no access control policy");
    xmlNode *list = xml_first(root, "AccessControlList");
    for (xmlNode *grant = xml_first(list, "Grant"); grant; grant = xml_next(grant, "Grant")) {
        xmlNode *grantee = xml_first(grant, "Grantee");
        const char *id = xml_child_content(s3->arena, grantee, "ID");
        const char *uri = xml_child_content(s3->arena, grantee, "URI");
        const char *permission = xml_child_content(s3->arena, grant, "Permission");
        if (++count > MOST_GRANTS || add_grant(s3, acl, permission ? permission : "", id ? id : uri, err) < 0)
            return count > MOST_GRANTS
                       ? s3_fail(s3, err, 400, "MalformedACLError", "An ACL has up to %d grants", MOST_GRANTS)
                       : -1;
    }
    return 0;
}

static bool is_public(const char *acl)
{
    return strstr(acl, everyone) || strstr(acl, anyone_known);
}

/* Only what says no more than that the owner has it all. */
static bool is_owners(struct s3_call *s3, const char *acl)
{
    return text_equal(acl, arena_format(s3->arena, "FULL_CONTROL %s\n", canonical_id(s3, s3->bucket.owner)));
}

int s3_acl_read(struct s3_call *s3, const struct buffer *body, const char **acl, struct error *err)
{
    cleanup(buffer_free) struct buffer text = buffer_new(LARGEST);
    *acl = NULL;
    if (read_headers(s3, &text, err) < 0 || (body && body->length && read_document(s3, body, &text, err) < 0))
        return -1;
    if (!text.length)
        return 0;
    *acl = arena_strdup(s3->arena, buffer_string(&text));
    if (is_owners(s3, *acl))
        return 0;
    if (!s3_acl_enabled(s3))
        return s3_fail(s3, err, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
    if (is_public(*acl) &&
        s3_public_access_read(s3->arena, s3->bucket.documents[S3_PUBLIC_ACCESS]).block_acls)
        return s3_fail(s3, err, 403, "AccessDenied",
                       "Access Denied: the bucket's BlockPublicAcls blocks ACLs that are public");
    return 0;
}

static void write_grant(struct s3_call *s3, const char *permission, const char *grantee, struct buffer *xml)
{
    bool group = text_starts(grantee, GROUPS);
    buffer_format(xml,
                  "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"%s\">",
                  group ? "Group" : "CanonicalUser");
    if (group)
        buffer_format(xml, "<URI>%s</URI>", grantee);
    else
        buffer_format(xml, "<ID>%s</ID><DisplayName>%s</DisplayName>", grantee,
                      grantee + strlen(grantee) - 12);
    buffer_format(xml, "</Grantee><Permission>%s</Permission></Grant>", permission);
    (void)s3;
}

/* The lines of an ACL, taken apart. */
static size_t read_lines(struct s3_call *s3, const char *acl, char ***lines)
{
    if (!acl)
        acl = arena_format(s3->arena, "FULL_CONTROL %s\n", canonical_id(s3, s3->bucket.owner));
    return text_split(s3->arena, acl, '\n', lines);
}

void s3_acl_write(struct s3_call *s3, const char *acl, struct buffer *xml)
{
    char **lines;
    size_t count = read_lines(s3, acl, &lines);
    buffer_text(xml, S3_XML_HEAD "<AccessControlPolicy " S3_NAMESPACE ">");
    s3_write_owner(xml, "Owner", "", s3->bucket.owner);
    buffer_text(xml, "<AccessControlList>");
    for (size_t i = 0; i < count; i++) {
        char *blank = strchr(lines[i], ' ');
        if (!blank)
            continue;
        *blank = '\0';
        write_grant(s3, lines[i], blank + 1, xml);
    }
    buffer_text(xml, "</AccessControlList></AccessControlPolicy>");
}

/* What a permission lets do, on a bucket and on an object. */
static const struct {
    const char *permission;
    bool object;
    const char *actions[6];
} meanings[] = {
    {"READ", false, {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"}},
    {"WRITE", false, {"s3:PutObject"}},
    {"READ_ACP", false, {"s3:GetBucketAcl"}},
    {"WRITE_ACP", false, {"s3:PutBucketAcl"}},
    {"READ", true, {"s3:GetObject", "s3:GetObjectVersion"}},
    {"READ_ACP", true, {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"}},
    {"WRITE_ACP", true, {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"}},
};

static void add_statement(struct s3_call *s3, json_t *statements, const char *permission, const char *grantee,
                          const char *key, bool object)
{
    bool group = text_starts(grantee, GROUPS);
    json_t *actions = json_array();
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (meanings[i].object == object &&
            (text_equal(permission, "FULL_CONTROL") || text_equal(permission, meanings[i].permission)))
            for (size_t j = 0; meanings[i].actions[j]; j++)
                json_array_append_new(actions, json_string(meanings[i].actions[j]));
    const char *principal = group ? "*" : grantee + strlen(grantee) - 12;
    json_t *resources = json_pack("[s]", s3_arn(s3, object ? key : NULL));
    if (!object)
        json_array_append_new(resources, json_string(arena_format(s3->arena, "%s/*", s3_arn(s3, NULL))));
    if (json_array_size(actions))
        json_array_append_new(statements,
                              json_pack("{s:s, s:{s:s}, s:O, s:O}", "Effect", "Allow", "Principal", "AWS",
                                        principal, "Action", actions, "Resource", resources));
    json_decref(actions);
    json_decref(resources);
}

static void add_acl(struct s3_call *s3, json_t *statements, const char *acl, const char *key, bool object)
{
    bool ignore = s3_public_access_read(s3->arena, s3->bucket.documents[S3_PUBLIC_ACCESS]).ignore_acls;
    char **lines;
    size_t count = acl ? text_split(s3->arena, acl, '\n', &lines) : 0;
    for (size_t i = 0; i < count; i++) {
        char *blank = strchr(lines[i], ' ');
        if (!blank || strcmp(blank + 1, log_delivery) == 0 || (ignore && is_public(blank)))
            continue;
        *blank = '\0';
        add_statement(s3, statements, lines[i], blank + 1, key, object);
    }
}

static const char *acl_of_object(struct s3_call *s3, const char *key)
{
    struct s3_object object;
    if (!key || s3_store_get(s3->s3->store, s3->arena, s3->bucket.id, key, s3->version, &object, NULL) < 0)
        return NULL;
    return object.acl;
}

const char *s3_policy_with_acl(struct s3_call *s3, const char *key)
{
    const char *text = s3->bucket.documents[S3_POLICY], *bucket = s3->bucket.documents[S3_ACL];
    json_t *policy = NULL;
    if (text_equal(s3->call->account->id, s3->bucket.owner) || !s3_acl_enabled(s3))
        return text;
    const char *object = acl_of_object(s3, key);
    if (!bucket && !object)
        return text;
    if (!text || json_parse(s3->arena, text, strlen(text), &policy, NULL) < 0)
        text = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";
    if (!policy && json_parse(s3->arena, text, strlen(text), &policy, NULL) < 0)
        return NULL;
    json_t *statements = json_object_get(policy, "Statement");
    if (!json_is_array(statements)) {
        statements = json_pack("[O]", statements);
        json_object_set_new(policy, "Statement", statements);
    }
    add_acl(s3, statements, bucket, NULL, false);
    add_acl(s3, statements, object, key, true);
    return json_array_size(statements) ? json_text(s3->arena, policy) : NULL;
}
