#include "localaws/s3/documents.h"

#include "base/text.h"
#include "base/xml.h"
#include "localaws/region.h"
#include "localaws/s3/lifecycle_rules.h"
#include "localaws/s3/tags.h"

#include <string.h>

#define NAMESPACE "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static int malformed(struct error *err, const char *why)
{
    return error_code(
        err, ERROR_INVALID, "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema: %s", why);
}

static int check_policy(struct arena *arena, const char *text, size_t length, struct error *err)
{
    (void)arena, (void)length;
    return resource_policy_check(text, err);
}

int s3_encryption_read(struct arena *arena, const char *text, size_t length, struct s3_encryption *encryption,
                       struct error *err)
{
    xmlNode *root;
    struct error why = {0};
    if (xml_parse(arena, "the encryption configuration", text, length, &root, &why) < 0)
        return malformed(err, why.message);
    xmlNode *rule = xml_first(root, "Rule");
    xmlNode *by_default = xml_first(rule, "ApplyServerSideEncryptionByDefault");
    const char *algorithm = xml_child_content(arena, by_default, "SSEAlgorithm");
    *encryption = (struct s3_encryption){
        .kms_key = xml_child_content(arena, by_default, "KMSMasterKeyID"),
        .kms = text_equal(algorithm, "aws:kms"),
        .bucket_key = text_equal(xml_child_content(arena, rule, "BucketKeyEnabled"), "true"),
    };
    if (!rule || xml_next(rule, "Rule") || !algorithm)
        return malformed(err, "one rule with an SSEAlgorithm is needed");
    if (!encryption->kms && !text_equal(algorithm, "AES256"))
        return malformed(err, "SSEAlgorithm must be AES256 or aws:kms");
    if (!encryption->kms && encryption->kms_key)
        return malformed(err, "KMSMasterKeyID goes with aws:kms only");
    if (text_empty(encryption->kms_key))
        encryption->kms_key = NULL;
    return 0;
}

static int check_encryption(struct arena *arena, const char *text, size_t length, struct error *err)
{
    struct s3_encryption encryption;
    return s3_encryption_read(arena, text, length, &encryption, err);
}

static int check_lifecycle(struct arena *arena, const char *text, size_t length, struct error *err)
{
    struct s3_lifecycle_rule *rules;
    size_t count;
    return s3_lifecycle_read(arena, text, length, &rules, &count, err);
}

static int check_tagging(struct arena *arena, const char *text, size_t length, struct error *err)
{
    char *tags;
    return s3_tags_read(arena, text, length, S3_TAGS_OF_BUCKET, &tags, err);
}

static int check_versioning(struct arena *arena, const char *text, size_t length, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the versioning", text, length, &root, err) < 0)
        return -1;
    const char *status = xml_child_content(arena, root, "Status");
    if (text_equal(xml_child_content(arena, root, "MfaDelete"), "Enabled"))
        return error_code(err, ERROR_INTERNAL, "NotImplemented", "There are no MFA devices here");
    if (text_equal(status, "Enabled") || text_equal(status, "Suspended"))
        return 0;
    return malformed(err, "Status must be Enabled or Suspended");
}

static int check_public_access(struct arena *arena, const char *text, size_t length, struct error *err)
{
    static const char *const names[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                        "RestrictPublicBuckets"};
    xmlNode *root;
    if (xml_parse(arena, "the public access block", text, length, &root, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = xml_child_content(arena, root, names[i]);
        if (value && !text_equal_nocase(value, "true") && !text_equal_nocase(value, "false"))
            return malformed(err, "each setting must be true or false");
    }
    return 0;
}

static int check_ownership(struct arena *arena, const char *text, size_t length, struct error *err)
{
    static const char *const known[] = {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"};
    xmlNode *root;
    if (xml_parse(arena, "the ownership controls", text, length, &root, err) < 0)
        return -1;
    xmlNode *rule = xml_first(root, "Rule");
    const char *ownership = xml_child_content(arena, rule, "ObjectOwnership");
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (text_equal(known[i], ownership) && !xml_next(rule, "Rule"))
            return 0;
    return malformed(err, "there is one rule, with an ObjectOwnership");
}

static int check_cors(struct arena *arena, const char *text, size_t length, struct error *err)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
    xmlNode *root;
    size_t rules = 0;
    if (xml_parse(arena, "the CORS configuration", text, length, &root, err) < 0)
        return -1;
    for (xmlNode *rule = xml_first(root, "CORSRule"); rule; rule = xml_next(rule, "CORSRule"), rules++) {
        if (!xml_first(rule, "AllowedOrigin") || !xml_first(rule, "AllowedMethod"))
            return malformed(err, "a rule has an AllowedOrigin and an AllowedMethod");
        for (xmlNode *node = xml_first(rule, "AllowedMethod"); node; node = xml_next(node, "AllowedMethod")) {
            size_t at = 0;
            while (at < COUNT_OF(methods) && !text_equal(methods[at], xml_content(arena, node)))
                at++;
            if (at == COUNT_OF(methods))
                return error_code(err, ERROR_INVALID, "InvalidRequest",
                                  "Found unsupported HTTP method in CORS config.");
        }
    }
    return rules >= 1 && rules <= 100 ? 0 : malformed(err, "there are 1 to 100 rules");
}

static int check_website(struct arena *arena, const char *text, size_t length, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the website", text, length, &root, err) < 0)
        return -1;
    const char *suffix = xml_child_content(arena, xml_first(root, "IndexDocument"), "Suffix");
    if (xml_first(root, "RedirectAllRequestsTo"))
        return 0;
    if (text_empty(suffix) || strchr(suffix, '/'))
        return error_code(err, ERROR_INVALID, "InvalidArgument",
                          "The IndexDocument Suffix is not well formed");
    return 0;
}

static int check_logging(struct arena *arena, const char *text, size_t length, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the logging", text, length, &root, err) < 0)
        return -1;
    xmlNode *enabled = xml_first(root, "LoggingEnabled");
    if (enabled && (!xml_first(enabled, "TargetBucket") || !xml_first(enabled, "TargetPrefix")))
        return malformed(err, "LoggingEnabled has a TargetBucket and a TargetPrefix");
    return 0;
}

/* One of two words in an element. */
static int check_word(struct arena *arena, const char *text, size_t length, const char *element,
                      const char *one, const char *other, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the body", text, length, &root, err) < 0)
        return -1;
    const char *word = xml_child_content(arena, root, element);
    return text_equal(word, one) || text_equal(word, other) ? 0 : malformed(err, element);
}

static int check_accelerate(struct arena *arena, const char *text, size_t length, struct error *err)
{
    return check_word(arena, text, length, "Status", "Enabled", "Suspended", err);
}

static int check_payment(struct arena *arena, const char *text, size_t length, struct error *err)
{
    return check_word(arena, text, length, "Payer", "BucketOwner", "Requester", err);
}

/* There are no queues, topics, functions or event buses here, and S3 takes only destinations that exist. */
static int check_notification(struct arena *arena, const char *text, size_t length, struct error *err)
{
    xmlNode *root;
    if (xml_parse(arena, "the notification configuration", text, length, &root, err) < 0)
        return -1;
    if (!xml_first(root, NULL))
        return 0;
    return error_code(err, ERROR_INVALID, "InvalidArgument",
                      "Unable to validate the following destination configurations");
}

/* Encryption: what AWS applies to every bucket since 2023. */
const struct s3_document_kind s3_document_kinds[S3_DOCUMENTS] = {
    [S3_POLICY] = {"policy", NULL, "NoSuchBucketPolicy", "The bucket policy does not exist", NULL,
                   check_policy},
    [S3_ENCRYPTION] =
        {"encryption", "ServerSideEncryptionConfiguration", NULL, NULL,
         "<ServerSideEncryptionConfiguration " NAMESPACE "><Rule><ApplyServerSideEncryptionByDefault>"
         "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
         "<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
         check_encryption},
    [S3_LIFECYCLE] = {"lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration",
                      "The lifecycle configuration does not exist", NULL, check_lifecycle},
    [S3_LIFECYCLE_MINIMUM] = {"lifecycleMinimum", NULL, NULL, NULL, NULL, NULL},
    [S3_PUBLIC_ACCESS] = {"publicAccessBlock", "PublicAccessBlockConfiguration",
                          "NoSuchPublicAccessBlockConfiguration",
                          "The public access block configuration was not found", NULL, check_public_access},
    [S3_OWNERSHIP] = {"ownershipControls", "OwnershipControls", "OwnershipControlsNotFoundError",
                      "The bucket ownership controls were not found", NULL, check_ownership},
    [S3_TAGGING] = {"tagging", "Tagging", "NoSuchTagSet", "The TagSet does not exist", NULL, check_tagging},
    [S3_VERSIONING] = {"versioning", "VersioningConfiguration", NULL, NULL,
                       "<VersioningConfiguration " NAMESPACE "/>", check_versioning},
    [S3_ACL] = {"acl", NULL, NULL, NULL, NULL, NULL},
    [S3_CORS] = {"cors", "CORSConfiguration", "NoSuchCORSConfiguration",
                 "The CORS configuration does not exist", NULL, check_cors},
    [S3_WEBSITE] = {"website", "WebsiteConfiguration", "NoSuchWebsiteConfiguration",
                    "The specified bucket does not have a website configuration", NULL, check_website},
    [S3_LOGGING] = {"logging", "BucketLoggingStatus", NULL, NULL, "<BucketLoggingStatus " NAMESPACE "/>",
                    check_logging},
    [S3_ACCELERATE] = {"accelerate", "AccelerateConfiguration", NULL, NULL,
                       "<AccelerateConfiguration " NAMESPACE "/>", check_accelerate},
    [S3_REQUEST_PAYMENT] = {"requestPayment", "RequestPaymentConfiguration", NULL, NULL,
                            "<RequestPaymentConfiguration " NAMESPACE
                            "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
                            check_payment},
    [S3_NOTIFICATION] = {"notification", "NotificationConfiguration", NULL, NULL,
                         "<NotificationConfiguration " NAMESPACE "/>", check_notification},
};

int s3_document_check(enum s3_document document, const char *text, size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct s3_document_kind *kind = &s3_document_kinds[document];
    struct error why = {0};
    xmlNode *root;
    if (kind->root && xml_parse(arena, "the body", text, length, &root, &why) < 0)
        return malformed(err, why.message);
    if (kind->root && strcmp(xml_name(root), kind->root) != 0)
        return malformed(err, "its root element is another");
    return kind->check ? kind->check(arena, text, length, err) : 0;
}
