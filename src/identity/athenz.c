#include "identity/athenz.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

enum { ATHENZ_NAME_LONGEST = 384, INSTANCE_ID_LONGEST = 384 };

#define SPIFFE_PREFIX   "spiffe://"
#define INSTANCE_PREFIX "athenz://instanceid/"

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_';
}

bool athenz_is_name(const char *text)
{
    bool first = true; /* of its part: a dash may not stand there */
    size_t length = 0;
    for (; length <= ATHENZ_NAME_LONGEST && text[length]; length++) {
        char byte = text[length];
        if (byte == '.') {
            if (first)
                return false;
            first = true;
        } else if (is_word(byte) || (byte == '-' && !first)) {
            first = false;
        } else {
            return false;
        }
    }
    return !first && length <= ATHENZ_NAME_LONGEST;
}

bool athenz_is_instance_id(const char *text)
{
    size_t length = 0;
    for (; length <= INSTANCE_ID_LONGEST && text[length]; length++)
        if (!is_word(text[length]) && !strchr("-.~=+@$,:", text[length]))
            return false;
    return length > 0 && length <= INSTANCE_ID_LONGEST && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static bool is_lower(const char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            return false;
    return true;
}

/* The text after `prefix`, when something is there. */
static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 && text[length] ? text + length : NULL;
}

/* Services directly in domain "vespa". */
static void classify_vespa(struct principal *principal)
{
    const char *zone;
    if (text_equal(principal->service, "controller")) {
        principal->kind = PRINCIPAL_CONTROLLER;
    } else if (text_equal(principal->service, "zts")) {
        principal->kind = PRINCIPAL_ZTS;
    } else if ((zone = after(principal->service, "configserver_"))) {
        principal->kind = PRINCIPAL_CONFIGSERVER;
        principal->zone = zone;
    } else if ((zone = after(principal->service, "provider_"))) {
        principal->kind = PRINCIPAL_PROVIDER;
        principal->zone = zone;
    }
}

/* "vespa.tenant.<tenant>" holds its hosts, "vespa.tenant.<tenant>.<application>" the application's nodes. */
static void classify_tenant(struct arena *arena, struct principal *principal, const char *rest)
{
    const char *dot = strchr(rest, '.');
    if (dot && strchr(dot + 1, '.'))
        return;
    if (!dot && !text_equal(principal->service, "tenant-host"))
        return;
    principal->kind = dot ? PRINCIPAL_NODE : PRINCIPAL_HOST;
    principal->tenant = dot ? arena_strndup(arena, rest, (size_t)(dot - rest)) : rest;
}

int principal_parse(struct arena *arena, const char *name, struct principal *principal, struct error *err)
{
    const char *dot = strrchr(name, '.');
    *principal = (struct principal){.kind = PRINCIPAL_OTHER};
    if (!dot || !athenz_is_name(name) || !is_lower(name))
        return error_set(err, ERROR_INVALID,
                         "\"%.100s\" is not an Athenz principal (domain.service, lower case)", name);
    principal->name = arena_strdup(arena, name);
    principal->domain = arena_strndup(arena, name, (size_t)(dot - name));
    principal->service = principal->name + (dot + 1 - name);
    const char *tenant = after(principal->domain, "vespa.tenant.");
    if (text_equal(principal->domain, "vespa")) {
        classify_vespa(principal);
    } else if (text_equal(principal->domain, "vespa.operator")) {
        principal->kind = PRINCIPAL_OPERATOR;
        principal->user = principal->service;
    } else if (tenant) {
        classify_tenant(arena, principal, tenant);
    }
    return 0;
}

/* The one URI that starts with `prefix`; NULL when there is none. */
static int only_uri(const struct names *names, const char *prefix, const char **uri, struct error *err)
{
    *uri = NULL;
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && names->uris[i]; i++) {
        if (!text_starts(names->uris[i], prefix))
            continue;
        if (*uri)
            return error_set(err, ERROR_UNAUTHENTICATED, "the certificate holds more than one %s URI",
                             prefix);
        *uri = names->uris[i];
    }
    return 0;
}

static int read_instance_id(struct arena *arena, const char *uri, struct principal *principal,
                            struct error *err)
{
    const char *provider = uri + strlen(INSTANCE_PREFIX);
    const char *slash = strchr(provider, '/');
    if (!slash)
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate's instance id URI has no id");
    principal->provider = arena_strndup(arena, provider, (size_t)(slash - provider));
    principal->instance_id = arena_strdup(arena, slash + 1);
    if (!athenz_is_name(principal->provider) || !athenz_is_instance_id(principal->instance_id))
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate's instance id URI is malformed");
    return 0;
}

int principal_of(struct arena *arena, const struct certificate *certificate, struct principal *principal,
                 struct error *err)
{
    const char *name = certificate->names.common_name, *spiffe, *instance;
    *principal = (struct principal){0};
    if (!name || certificate->authority || strstr(name, ":role."))
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate is not a service's");
    if (text_ends(certificate->names.organizational_unit ? certificate->names.organizational_unit : "",
                  ":restricted"))
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate is restricted");
    if (principal_parse(arena, name, principal, err) < 0)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "the certificate's common name \"%.100s\" is not a principal", name);
    if (only_uri(&certificate->names, SPIFFE_PREFIX, &spiffe, err) < 0 ||
        only_uri(&certificate->names, INSTANCE_PREFIX, &instance, err) < 0)
        return -1;
    const char *expected =
        arena_format(arena, SPIFFE_PREFIX "%s/sa/%s", principal->domain, principal->service);
    if (!text_equal(spiffe, expected))
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate of %s lacks the URI %s", name,
                         expected);
    principal->serial = arena_strdup(arena, certificate->serial);
    principal->not_before_ms = certificate->not_before_ms;
    principal->not_after_ms = certificate->not_after_ms;
    return instance ? read_instance_id(arena, instance, principal, err) : 0;
}

static int principal_of_der(struct arena *arena, const gnutls_datum_t *der, struct principal *principal,
                            struct error *err)
{
    struct certificate certificate;
    if (certificate_parse_der(arena, der, &certificate, err) < 0 ||
        principal_of(arena, &certificate, principal, err) < 0)
        return -1;
    /* A resumed TLS session has its chain verified only the first time. */
    int64_t now_ms = clock_now_ms();
    if (now_ms < certificate.not_before_ms || now_ms >= certificate.not_after_ms)
        return error_set(err, ERROR_UNAUTHENTICATED, "the certificate of %s is not valid now",
                         principal->name);
    return 0;
}

/* All texts of a principal, for copying one whole. */
static const size_t principal_texts[] = {
    offsetof(struct principal, domain),      offsetof(struct principal, service),
    offsetof(struct principal, name),        offsetof(struct principal, provider),
    offsetof(struct principal, instance_id), offsetof(struct principal, tenant),
    offsetof(struct principal, zone),        offsetof(struct principal, user),
    offsetof(struct principal, serial),
};

_Static_assert(sizeof(struct principal) == 3 * 8 + COUNT_OF(principal_texts) * sizeof(char *),
               "every text is listed");

static const char **text_of(struct principal *principal, size_t which)
{
    return (const char **)(void *)((char *)principal + principal_texts[which]);
}

/* In one piece and without the certificate: it lives as long as a connection, of which there are thousands.
 */
static struct principal *principal_copy(struct principal *principal)
{
    size_t size = sizeof *principal;
    for (size_t i = 0; i < COUNT_OF(principal_texts); i++)
        size += *text_of(principal, i) ? strlen(*text_of(principal, i)) + 1 : 0;
    struct principal *copy = memory_alloc(size);
    char *at = (char *)(copy + 1);
    *copy = *principal;
    for (size_t i = 0; i < COUNT_OF(principal_texts); i++)
        if (*text_of(copy, i)) {
            size_t length = strlen(*text_of(copy, i)) + 1;
            memcpy(at, *text_of(copy, i), length);
            *text_of(copy, i) = at;
            at += length;
        }
    return copy;
}

void *principal_identify_peer(void *context, const gnutls_datum_t *certificate_der)
{
    (void)context;
    if (!certificate_der)
        return NULL;
    struct error err = {0};
    struct principal principal;
    cleanup(arena_free) struct arena *arena = arena_new();
    if (principal_of_der(arena, certificate_der, &principal, &err) == 0)
        return principal_copy(&principal);
    log_debug("peer not identified", "reason", err.message, NULL);
    return NULL;
}

void principal_forget_peer(void *context, void *peer)
{
    (void)context;
    free(peer);
}

int principal_check_peer(void *context, const gnutls_datum_t *certificate_der, struct error *err)
{
    const char *const expected[] = {context, NULL};
    return principal_check_any((void *)expected, certificate_der, err);
}

int principal_check_any(void *context, const gnutls_datum_t *certificate_der, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const *expected = context;
    struct principal principal;
    if (principal_of_der(arena, certificate_der, &principal, err) < 0)
        return -1;
    for (const char *const *name = expected; *name; name++)
        if (text_equal(*name, principal.name))
            return 0;
    return error_set(err, ERROR_UNAUTHENTICATED, "the peer is %s where %s was expected", principal.name,
                     expected[0] ? expected[0] : "nobody");
}

void athenz_service_names(struct arena *arena, const char *domain, const char *service, const char *provider,
                          const char *instance_id, struct names *names)
{
    *names = (struct names){.common_name = arena_format(arena, "%s.%s", domain, service)};
    names->uris[0] = arena_format(arena, SPIFFE_PREFIX "%s/sa/%s", domain, service);
    if (instance_id)
        names->uris[1] = arena_format(arena, INSTANCE_PREFIX "%s/%s", provider, instance_id);
}
