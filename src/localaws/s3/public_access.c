#include "localaws/s3/public_access.h"

#include "base/record.h"
#include "base/text.h"
#include "base/xml.h"

#include <string.h>

struct s3_public_access s3_public_access_read(struct arena *arena, const char *text)
{
    struct s3_public_access access = {0};
    xmlNode *root;
    if (text && xml_parse(arena, "the public access block", text, strlen(text), &root, NULL) == 0) {
        access.block_acls = text_equal_nocase(xml_child_content(arena, root, "BlockPublicAcls"), "true");
        access.ignore_acls = text_equal_nocase(xml_child_content(arena, root, "IgnorePublicAcls"), "true");
        access.block_policy = text_equal_nocase(xml_child_content(arena, root, "BlockPublicPolicy"), "true");
        access.restrict_buckets =
            text_equal_nocase(xml_child_content(arena, root, "RestrictPublicBuckets"), "true");
    }
    return access;
}

static bool names_everyone(const json_t *principal)
{
    const json_t *aws = json_is_object(principal) ? json_object_get(principal, "AWS") : principal;
    size_t at;
    json_t *one;
    if (text_equal(json_string_value(aws), "*"))
        return true;
    json_array_foreach((json_t *)aws, at, one)
        if (text_equal(json_string_value(one), "*"))
            return true;
    return false;
}

static bool is_public(const json_t *statement)
{
    return text_equal(json_member_text(statement, "Effect"), "Allow") &&
           !json_object_get(statement, "Condition") &&
           names_everyone(json_object_get(statement, "Principal"));
}

bool s3_policy_is_public(struct arena *arena, const char *text)
{
    json_t *policy, *one;
    size_t at;
    if (json_parse(arena, text, strlen(text), &policy, NULL) < 0)
        return false;
    json_t *statements = json_object_get(policy, "Statement");
    json_array_foreach(statements, at, one)
        if (is_public(one))
            return true;
    return is_public(statements);
}
