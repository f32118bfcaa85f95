/* Every action of ACM that the region has, and those that change something. */
#include "localaws/acm/acm.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/elb/elb.h"

#include <string.h>

enum { TAGS_MOST = 50, BLOB_LARGEST = 32768, CHAIN_LARGEST = 2 << 20 };

static const struct action actions[] = {
    {.name = "AddTagsToCertificate", .handler = acm_add_tags, .own_authorization = true},
    {.name = "DeleteCertificate", .handler = acm_delete, .own_authorization = true},
    {.name = "DescribeCertificate", .handler = acm_describe, .own_authorization = true},
    {.name = "GetCertificate", .handler = acm_get, .own_authorization = true},
    {.name = "ImportCertificate", .handler = acm_import, .own_authorization = true},
    {.name = "ListCertificates", .handler = acm_list},
    {.name = "ListTagsForCertificate", .handler = acm_list_tags, .own_authorization = true},
    {.name = "RemoveTagsFromCertificate", .handler = acm_remove_tags, .own_authorization = true},
    {.name = NULL},
};

const struct service acm_service = {
    .name = "acm",
    .iam_prefix = "acm",
    .protocol = PROTOCOL_JSON,
    .target_prefix = "CertificateManager",
    .actions = actions,
};

static const struct kind *const acm_kinds[] = {&certificate_kind, NULL};
const struct module acm_module = {.name = "acm", .slot = MODULE_ACM, .kinds = acm_kinds};

static int authorize(struct call *call, const char *arn, struct error *err)
{
    return call_authorize(call, arena_format(call->arena, "acm:%s", call->action), arn, NULL, err);
}

int acm_target(struct call *call, struct certificate_record **certificate, struct error *err)
{
    const char *arn = json_member_text(call->json, "CertificateArn");
    const char *prefix = arena_format(call->arena, "arn:aws:acm:%s:", call->region->name);
    if (!arn || !text_starts(arn, prefix) || strlen(arn) > 256)
        return call_fail(call, err, 400, "InvalidArnException", "'%.256s' is not a certificate's ARN of here",
                         arn ? arn : "");
    if (authorize(call, arn, err) < 0)
        return -1;
    *certificate = acm_certificate(call->region, call->account, arn);
    return *certificate ? 0
                        : call_fail(call, err, 400, "ResourceNotFoundException",
                                    "Could not find certificate %s.", arn);
}

int acm_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err)
{
    json_t *list = json_object_get(call->json, "Tags"), *entry;
    size_t index;
    *count = 0;
    if (json_array_size(list) > TAGS_MOST)
        return call_fail(call, err, 400, "TooManyTagsException", "A certificate has at most %d tags",
                         TAGS_MOST);
    *tags = arena_alloc(call->arena, (json_array_size(list) + 1) * sizeof **tags);
    json_array_foreach(list, index, entry) {
        const char *key = json_member_text(entry, "Key"), *value = json_member_text(entry, "Value");
        if (text_empty(key) || strlen(key) > 128 || (value && strlen(value) > 256))
            return call_fail(call, err, 400, "InvalidTagException", "A tag has a Key, and may have a Value");
        (*tags)[(*count)++] =
            (struct tag){arena_strdup(call->arena, key), arena_strdup(call->arena, value ? value : "")};
    }
    return 0;
}

/* A blob: PEM in base64. */
static int read_blob(struct call *call, const char *member, size_t largest, bool needed, char **text,
                     struct error *err)
{
    const char *given = json_member_text(call->json, member);
    unsigned char *bytes;
    size_t length;
    *text = NULL;
    if (!given && !needed)
        return 0;
    if (!given || strlen(given) > 2 * largest ||
        base64_decode(call->arena, given, &bytes, &length, NULL) < 0 || length > largest ||
        memchr(bytes, '\0', length))
        return call_fail(call, err, 400, "ValidationException", "%s is PEM of at most %zu bytes", member,
                         largest);
    *text = (char *)bytes;
    return 0;
}

static void wipe(void *text)
{
    explicit_bzero(text, strlen(text));
}

static void replace(struct certificate_record *had, struct certificate_record *draft)
{
    char **const old[] = {&had->domain,          &had->subject,
                          &had->issuer,          &had->serial,
                          &had->key_algorithm,   &had->wrapped_key,
                          &had->chain_pem,       &had->sealed_key,
                          &had->certificate_pem, &had->signature_algorithm};
    char *const now[] = {draft->domain,          draft->subject,
                         draft->issuer,          draft->serial,
                         draft->key_algorithm,   draft->wrapped_key,
                         draft->chain_pem,       draft->sealed_key,
                         draft->certificate_pem, draft->signature_algorithm};
    for (size_t i = 0; i < COUNT_OF(old); i++)
        text_replace(old[i], now[i]);
    list_clear(&text_record, &had->names, &had->name_count);
    for (size_t i = 0; i < draft->name_count; i++)
        list_add_text(&had->names, &had->name_count, draft->names[i]);
    had->not_before_ms = draft->not_before_ms;
    had->not_after_ms = draft->not_after_ms;
    had->imported_ms = draft->imported_ms;
    resource_changed(&had->resource);
}

/* With an ARN the certificate is imported again, and listeners that use it speak with the new one. */
int acm_import(struct call *call, struct error *err)
{
    struct certificate_record draft = {0}, *had = NULL;
    char *certificate, *key, *chain;
    bool again = json_object_get(call->json, "CertificateArn") != NULL;
    if (again ? acm_target(call, &had, err) < 0 : authorize(call, "*", err) < 0)
        return -1;
    if (acm_read_tags(call, &draft.resource.tags, &draft.resource.tag_count, err) < 0 ||
        read_blob(call, "Certificate", BLOB_LARGEST, true, &certificate, err) < 0 ||
        read_blob(call, "PrivateKey", BLOB_LARGEST, true, &key, err) < 0)
        return -1;
    arena_defer(call->arena, wipe, key);
    if (again && draft.resource.tag_count)
        return call_fail(call, err, 400, "ValidationException",
                         "Tagging is not permitted on re-import. Use AddTagsToCertificate.");
    draft.resource.id = again ? had->resource.id
                              : arena_format(call->arena, "arn:aws:acm:%s:%s:certificate/%s",
                                             call->region->name, call->account->id, random_uuid(call->arena));
    if (read_blob(call, "CertificateChain", CHAIN_LARGEST, false, &chain, err) < 0 ||
        certificate_take(call, certificate, key, chain, &draft, err) < 0)
        return -1;
    if (again)
        replace(had, &draft);
    else
        resource_add(call->region, call->account, &certificate_kind, &draft);
    buffer_format(&call->answer, "{\"CertificateArn\":\"%s\"}", draft.resource.id);
    listeners_recertified(call->region, call->account, draft.resource.id);
    return 0;
}

int acm_delete(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    if (acm_target(call, &certificate, err) < 0)
        return -1;
    if (certificate_user(call->account, certificate->resource.id, 0))
        return call_fail(call, err, 400, "ResourceInUseException", "Certificate %s in account %s is in use.",
                         certificate->resource.id, call->account->id);
    resource_remove(call->region, &certificate->resource);
    return 0;
}

int acm_add_tags(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    struct tag *tags;
    size_t count;
    if (acm_target(call, &certificate, err) < 0 || acm_read_tags(call, &tags, &count, err) < 0)
        return -1;
    if (certificate->resource.tag_count + count > TAGS_MOST)
        return call_fail(call, err, 400, "TooManyTagsException", "A certificate has at most %d tags",
                         TAGS_MOST);
    for (size_t i = 0; i < count; i++)
        resource_set_tag(&certificate->resource, tags[i].key, tags[i].value);
    resource_changed(&certificate->resource);
    return 0;
}

int acm_remove_tags(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    json_t *entry;
    size_t index;
    if (acm_target(call, &certificate, err) < 0)
        return -1;
    json_array_foreach(json_object_get(call->json, "Tags"), index, entry) {
        const char *key = json_member_text(entry, "Key");
        if (key)
            resource_remove_tag(&certificate->resource, key, json_member_text(entry, "Value"));
    }
    resource_changed(&certificate->resource);
    return 0;
}
