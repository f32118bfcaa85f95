#include "zts/zts.h"

#include "base/clock.h"
#include "base/log.h"
#include "zts/instance_request.h"
#include "zts/serials.h"

#include <stdio.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

/* Enough for a data centre that boots behind one address, too little to keep us busy with. */
static const double challenges_per_second = 2, challenges_at_once = 60;
static const double registrations_per_second = 20, registrations_at_once = 200;

#define KEEP_ENDED_MS (30LL * 24 * 3600 * 1000)

int zts_new(const struct zts_parts *parts, struct zts **zts, struct error *err)
{
    struct http_client_options options = {
        .tls = parts->tls,
        .check_peer = principal_check_peer, /* whom to expect is said with each call */
        .user_agent = "enclave-zts/" ENCLAVE_VERSION,
        .no_proxy = true,
    };
    struct http_client *providers;
    if (serials_open(parts->store, err) < 0 || http_client_new(&options, &providers, err) < 0)
        return -1;
    struct zts *made = memory_alloc(sizeof *made);
    made->parts = *parts;
    made->nonces = nonces_new();
    made->challenges = rate_limit_new(challenges_per_second, challenges_at_once);
    made->registrations = rate_limit_new(registrations_per_second, registrations_at_once);
    made->providers = providers;
    *zts = made;
    return 0;
}

void zts_free(struct zts **zts)
{
    if (!*zts)
        return;
    nonces_free(&(*zts)->nonces);
    rate_limit_free(&(*zts)->challenges);
    rate_limit_free(&(*zts)->registrations);
    http_client_free(&(*zts)->providers);
    free(take(zts));
}

void zts_purge(struct zts *zts)
{
    struct error err = {0};
    size_t removed = 0;
    char count[24];
    if (serials_purge(zts->parts.store, clock_now_ms() - KEEP_ENDED_MS, &removed, &err) < 0)
        log_warning("certificate records not purged", "error", err.message, NULL);
    snprintf(count, sizeof count, "%zu", removed);
    if (removed)
        log_info("certificate records purged", "count", count, NULL);
}

int zts_authority_open(const char *certificates, const struct key *key, struct authority **authority,
                       struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    error_set(err, ERROR_INVALID, "there is no certificate");
    for (const char *at = strstr(certificates, PEM_BEGIN); at;
         at = strstr(at + strlen(PEM_BEGIN), PEM_BEGIN)) {
        const char *next = strstr(at + strlen(PEM_BEGIN), PEM_BEGIN);
        size_t length = next ? (size_t)(next - at) : strlen(at);
        if (authority_open(arena_strndup(arena, at, length), key, authority, err) == 0) {
            error_clear(err);
            return 0;
        }
    }
    return error_context(err, "no authority of caCertificates");
}
