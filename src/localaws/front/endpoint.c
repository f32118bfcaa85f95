#include "localaws/front/endpoint.h"

#include "base/file.h"
#include "identity/certificate.h"

#include <string.h>

enum { AUTHORITY_YEARS = 10 };
static const int64_t endpoint_lifetime_ms = 10 * 365 * 24 * 3600 * 1000LL;

struct endpoint_files {
    const char *authority, *certificate, *key;
};

static int make(struct arena *arena, const char *region, const struct endpoint_files *files,
                const char *const *addresses, struct error *err)
{
    cleanup(key_free) struct key *authority_key = NULL;
    cleanup(key_free) struct key *key = NULL;
    cleanup(authority_close) struct authority *authority = NULL;
    char *authority_pem, *pem;
    /* Beside where it is found, AWS's own names for this region's services, which instances resolve to it. */
    struct names names = {
        .common_name = "localaws",
        .dns = {"localhost", arena_format(arena, "*.%s.amazonaws.com", region),
                arena_format(arena, "*.%s.api.aws", region), arena_format(arena, "*.s3.%s.amazonaws.com", region),
                arena_format(arena, "*.s3.dualstack.%s.amazonaws.com", region), "iam.amazonaws.com",
                "sts.amazonaws.com"},
        .addresses = {"127.0.0.1", "::1"},
    };
    for (size_t i = 0, next = 2; addresses[i]; i++)
        if (strcmp(addresses[i], "127.0.0.1") != 0 && strcmp(addresses[i], "::1") != 0)
            names.addresses[next++] = addresses[i];

    if (authority_create(arena, "localaws authority", AUTHORITY_YEARS, &authority_key, &authority_pem, err) <
            0 ||
        authority_open(authority_pem, authority_key, &authority, err) < 0 || key_generate(&key, err) < 0 ||
        authority_issue(authority, arena, key_public_pem(arena, key), &names, endpoint_lifetime_ms, &pem,
                        err) < 0)
        return -1;
    /* The certificate last: where it is, the rest is complete. */
    if (key_save(key, files->key, err) < 0 ||
        file_write(files->authority, authority_pem, strlen(authority_pem), 0644, err) < 0 ||
        file_write(files->certificate, pem, strlen(pem), 0644, err) < 0)
        return -1;
    return 0;
}

int endpoint_certificate_open(struct region *region, const char *const *addresses, struct tls_context **tls,
                              struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct endpoint_files files = {
        .authority = arena_format(arena, "%s/ca.pem", region->directory),
        .certificate = arena_format(arena, "%s/endpoint.pem", region->directory),
        .key = arena_format(arena, "%s/endpoint.key", region->directory),
    };
    if (!file_exists(files.certificate) && make(arena, region->name, &files, addresses, err) < 0)
        return error_context(err, "certificate of the endpoint");
    char *pem;
    size_t length;
    if (file_read(arena, files.authority, 1 << 20, &pem, &length, err) < 0)
        return -1;
    region->certificate_pem = memory_strdup(pem);
    const struct tls_files tls_files = {.certificate = files.certificate, .key = files.key};
    return tls_context_new(&tls_files, TLS_CLIENT_NONE, tls, err);
}
