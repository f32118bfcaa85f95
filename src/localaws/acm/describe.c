/* What ACM says of a certificate. */
#include "localaws/acm/acm.h"

#include "base/text.h"
#include "localaws/elb/elb.h"

#include <stdlib.h>

enum { PAGE_MOST = 1000 };

static void answer(struct call *call, json_t *json)
{
    buffer_text(&call->answer, json_text(call->arena, json));
    json_decref(json);
}

static double seconds(int64_t ms)
{
    return (double)ms / 1000.0;
}

static const char *status_of(const struct certificate_record *certificate)
{
    return acm_expired(certificate) ? "EXPIRED" : "ISSUED";
}

static json_t *names_of(const struct certificate_record *certificate)
{
    json_t *names = json_array();
    for (size_t i = 0; i < certificate->name_count; i++)
        json_array_append_new(names, json_string(certificate->names[i]));
    return names;
}

static json_t *users_of(struct call *call, const struct certificate_record *certificate)
{
    const char *user;
    json_t *users = json_array();
    for (size_t i = 0; (user = certificate_user(call->account, certificate->resource.id, i)); i++)
        json_array_append_new(users, json_string(user));
    return users;
}

int acm_describe(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    if (acm_target(call, &certificate, err) < 0)
        return -1;
    json_t *detail = json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:s, s:f, s:f, s:s, s:f, s:f, s:s, s:s, s:o, s:s, s:[], s:[], s:s, "
        "s:{s:s}}",
        "CertificateArn", certificate->resource.id, "DomainName", certificate->domain,
        "SubjectAlternativeNames", names_of(certificate), "Serial", certificate->serial, "Subject",
        certificate->subject, "Issuer", certificate->issuer, "CreatedAt",
        seconds(certificate->resource.created_ms), "ImportedAt", seconds(certificate->imported_ms), "Status",
        status_of(certificate), "NotBefore", seconds(certificate->not_before_ms), "NotAfter",
        seconds(certificate->not_after_ms), "KeyAlgorithm", certificate->key_algorithm, "SignatureAlgorithm",
        certificate->signature_algorithm, "InUseBy", users_of(call, certificate), "Type", "IMPORTED",
        "KeyUsages", "ExtendedKeyUsages", "RenewalEligibility", "INELIGIBLE", "Options",
        "CertificateTransparencyLoggingPreference", "DISABLED");
    answer(call, json_pack("{s:o}", "Certificate", detail));
    return 0;
}

int acm_get(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    if (acm_target(call, &certificate, err) < 0)
        return -1;
    answer(call, json_pack("{s:s, s:s*}", "Certificate", certificate->certificate_pem, "CertificateChain",
                           certificate->chain_pem));
    return 0;
}

static json_t *summary_of(struct call *call, const struct certificate_record *certificate)
{
    return json_pack(
        "{s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:b, s:b, s:s, s:f, s:f, s:f, s:f}", "CertificateArn",
        certificate->resource.id, "DomainName", certificate->domain, "SubjectAlternativeNameSummaries",
        names_of(certificate), "HasAdditionalSubjectAlternativeNames", 0, "Status", status_of(certificate),
        "Type", "IMPORTED", "KeyAlgorithm", certificate->key_algorithm, "InUse",
        certificate_user(call->account, certificate->resource.id, 0) != NULL, "Exported", 0,
        "RenewalEligibility", "INELIGIBLE", "NotBefore", seconds(certificate->not_before_ms), "NotAfter",
        seconds(certificate->not_after_ms), "CreatedAt", seconds(certificate->resource.created_ms),
        "ImportedAt", seconds(certificate->imported_ms));
}

static bool listed(const json_t *list, const char *word)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry)
        if (text_equal(json_string_value(entry), word))
            return true;
    return json_array_size(list) == 0;
}

/* As at AWS, without Includes only the common RSA keys would be shown; here all are. */
int acm_list(struct call *call, struct error *err)
{
    const char *token = json_member_text(call->json, "NextToken");
    json_int_t most = json_integer_value(json_object_get(call->json, "MaxItems"));
    const json_t *statuses = json_object_get(call->json, "CertificateStatuses");
    const json_t *kinds = json_object_get(json_object_get(call->json, "Includes"), "keyTypes");
    if (most < 0 || most > PAGE_MOST)
        return call_fail(call, err, 400, "ValidationException", "MaxItems is 1 to %d", PAGE_MOST);
    json_t *list = json_array();
    const char *next = NULL;
    bool started = !token;
    for_each_resource(struct certificate_record, certificate, call->account, &certificate_kind) {
        started = started || text_equal(certificate->resource.id, token);
        if (!started || !listed(statuses, status_of(certificate)) ||
            !listed(kinds, certificate->key_algorithm))
            continue;
        if (json_array_size(list) == (size_t)(most ? most : PAGE_MOST)) {
            next = certificate->resource.id;
            break;
        }
        json_array_append_new(list, summary_of(call, certificate));
    }
    answer(call, json_pack("{s:o, s:s*}", "CertificateSummaryList", list, "NextToken", next));
    return 0;
}

int acm_list_tags(struct call *call, struct error *err)
{
    struct certificate_record *certificate;
    if (acm_target(call, &certificate, err) < 0)
        return -1;
    json_t *tags = json_array();
    for (size_t i = 0; i < certificate->resource.tag_count; i++)
        json_array_append_new(tags, json_pack("{s:s, s:s}", "Key", certificate->resource.tags[i].key, "Value",
                                              certificate->resource.tags[i].value));
    answer(call, json_pack("{s:o}", "Tags", tags));
    return 0;
}
