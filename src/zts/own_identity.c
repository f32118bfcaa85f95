#include "zts/own_identity.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "identity/athenz.h"
#include "zts/zts.h"

#include <string.h>

#define DAY_MS (24LL * 3600 * 1000)
enum { LIFE_DAYS = 30 };

struct own_identity {
    char *key_path, *certificate_path, *trust_path;
    struct authority *authority;
    struct key *key;
    struct tls_context *tls;
    int64_t issued_ms; /* monotonic */
};

static int issue(struct own_identity *identity, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct names names;
    char *pem;
    athenz_service_names(arena, ZTS_DOMAIN, ZTS_SERVICE, NULL, NULL, &names);
    if (authority_issue(identity->authority, arena, key_public_pem(arena, identity->key), &names,
                        LIFE_DAYS * DAY_MS, &pem, err) < 0 ||
        file_write(identity->certificate_path, pem, strlen(pem), 0644, err) < 0)
        return -1;
    identity->issued_ms = clock_monotonic_ms();
    return 0;
}

static int start(struct own_identity *identity, const char *trust_pem, struct error *err)
{
    struct tls_files files = {
        .certificate = identity->certificate_path, .key = identity->key_path, .trust = identity->trust_path};
    if (key_generate(&identity->key, err) < 0 || key_save(identity->key, identity->key_path, err) < 0 ||
        file_write(identity->trust_path, trust_pem, strlen(trust_pem), 0644, err) < 0 ||
        issue(identity, err) < 0)
        return -1;
    return tls_context_new(&files, TLS_CLIENT_ALLOWED, &identity->tls, err);
}

int own_identity_new(const char *directory, struct authority *authority, const char *trust_pem,
                     struct own_identity **identity, struct error *err)
{
    cleanup(own_identity_free) struct own_identity *made = memory_alloc(sizeof *made);
    made->authority = authority;
    made->key_path = memory_format("%s/key.pem", directory);
    made->certificate_path = memory_format("%s/cert.pem", directory);
    made->trust_path = memory_format("%s/ca.pem", directory);
    if (start(made, trust_pem, err) < 0)
        return error_context(err, "own identity");
    *identity = take(&made);
    return 0;
}

void own_identity_free(struct own_identity **identity)
{
    if (!*identity)
        return;
    tls_context_free(&(*identity)->tls);
    key_free(&(*identity)->key);
    free((*identity)->key_path);
    free((*identity)->certificate_path);
    free((*identity)->trust_path);
    free(take(identity));
}

struct tls_context *own_identity_tls(struct own_identity *identity)
{
    return identity->tls;
}

int own_identity_renew(struct own_identity *identity, struct error *err)
{
    if (clock_monotonic_ms() - identity->issued_ms < DAY_MS)
        return 0;
    if (issue(identity, err) < 0)
        return error_context(err, "own identity");
    tls_context_reload(identity->tls);
    log_info("own certificate renewed", NULL);
    return 0;
}
