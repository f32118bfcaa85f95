#include "configserver/identities.h"

#include "aws/client.h"
#include "aws/imds.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "sia/sia.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { FIRST_RETRY_MS = 250, LONGEST_RETRY_MS = 1000, LOOK_EVERY_S = 60 };

enum { CONFIGSERVER, PROVIDER, IDENTITIES };

struct identities {
    struct arena *arena;
    struct aws_credentials *credentials;
    struct aws_client *aws;
    struct sia_aws attestation;
    struct sia_options options[IDENTITIES];
    struct tls_context *for_public, *for_tunnel, *for_provider;
    pthread_t thread;
    pthread_mutex_t lock; /* `stopping` */
    pthread_cond_t stop;
    bool started, stopping;
};

static int prepare(struct identities *identities, const struct config *config, const char *directory,
                   struct error *err)
{
    struct arena *arena = identities->arena;
    struct zone_id zone;
    char *instance_id;
    const char *trust = arena_format(arena, "%s/ca.pem", directory);
    identities->credentials = aws_credentials_default();
    if (zone_parse(config->zone, &zone, err) < 0 || directory_make(directory, 0700, err) < 0 ||
        file_write(trust, config->ca_certificates, strlen(config->ca_certificates), 0644, err) < 0 ||
        imds_get(arena, "meta-data/instance-id", &instance_id, err) < 0 ||
        aws_client_new(identities->credentials, config->aws_region, &identities->aws, err) < 0)
        return -1;
    identities->attestation = (struct sia_aws){identities->aws, arena_strdup(arena, config->zts_url), trust};
    const char *names[IDENTITIES] = {zone_configserver_name(arena, &zone), zone_provider_name(arena, &zone)};
    for (size_t i = 0; i < IDENTITIES; i++) {
        const char *service = names[i] + strlen(VESPA_DOMAIN ".");
        identities->options[i] = (struct sia_options){
            .directory =
                arena_format(arena, "%s/identity/%s", directory, i == PROVIDER ? "provider" : "configserver"),
            .zts_url = identities->attestation.zts_url,
            .trust_path = trust,
            .domain = VESPA_DOMAIN,
            .service = service,
            .provider = "vespa.aws",
            .instance_id = instance_id,
            .attest = sia_attest_aws,
            .context = &identities->attestation,
        };
    }
    return 0;
}

static bool wait_for_stop(struct identities *identities, int64_t milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += milliseconds / 1000;
    pthread_mutex_lock(&identities->lock);
    int result = 0;
    while (!identities->stopping && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&identities->stop, &identities->lock, &until);
    bool stopping = identities->stopping;
    pthread_mutex_unlock(&identities->lock);
    return stopping;
}

static int get_first(struct identities *identities, struct error *stopped)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    int64_t wait = FIRST_RETRY_MS;
    for (size_t i = 0; i < IDENTITIES;) {
        struct error err = {0};
        const struct sia_options *options = &identities->options[i];
        if (sia_ensure(options, &err) != SIA_FAILED) {
            log_info("identity", "service", options->service, NULL);
            i++;
            continue;
        }
        log_warning("identity not given yet", "service", options->service, "error", err.message, NULL);
        const struct timespec pause = {wait / 1000, wait % 1000 * 1000000};
        if (sigtimedwait(&ends, NULL, &pause) > 0)
            return error_set(stopped, ERROR_UNAVAILABLE, "told to stop before zts gave us our identities");
        wait = wait * 2 < LONGEST_RETRY_MS ? wait * 2 : LONGEST_RETRY_MS;
    }
    return 0;
}

/* TLS contexts see new files by themselves. */
static void *keep_fresh(void *context)
{
    struct identities *identities = context;
    pthread_setname_np(pthread_self(), "identities");
    while (!wait_for_stop(identities, LOOK_EVERY_S * 1000))
        for (size_t i = 0; i < IDENTITIES; i++) {
            struct error err = {0};
            enum sia_result result = sia_ensure(&identities->options[i], &err);
            if (result == SIA_FAILED)
                log_warning("identity not refreshed", "service", identities->options[i].service, "error",
                            err.message, NULL);
            else if (result == SIA_RENEWED)
                log_info("identity renewed", "service", identities->options[i].service, NULL);
        }
    return NULL;
}

static int open_tls(struct identities *identities, size_t which, enum tls_client_certificates clients,
                    struct tls_context **context, struct error *err)
{
    const struct sia_options *options = &identities->options[which];
    const struct tls_files files = {sia_certificate_path(identities->arena, options->directory),
                                    sia_key_path(identities->arena, options->directory), options->trust_path};
    return tls_context_new(&files, clients, context, err);
}

int identities_open(const struct config *config, const char *state_directory, struct identities **identities,
                    struct error *err)
{
    struct identities *opened = memory_alloc(sizeof *opened);
    opened->arena = arena_new();
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->stop, NULL);
    *identities = opened;
    if (prepare(opened, config, state_directory, err) < 0)
        return -1;
    if (get_first(opened, err) < 0)
        return -1;
    if (open_tls(opened, CONFIGSERVER, TLS_CLIENT_ALLOWED, &opened->for_public, err) < 0 ||
        open_tls(opened, CONFIGSERVER, TLS_CLIENT_REQUIRED, &opened->for_tunnel, err) < 0 ||
        open_tls(opened, PROVIDER, TLS_CLIENT_REQUIRED, &opened->for_provider, err) < 0)
        return -1;
    opened->started = pthread_create(&opened->thread, NULL, keep_fresh, opened) == 0;
    return opened->started ? 0 : error_set(err, ERROR_INTERNAL, "start a thread");
}

void identities_close(struct identities **identities)
{
    struct identities *old = *identities;
    *identities = NULL;
    if (!old)
        return;
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    pthread_cond_signal(&old->stop);
    pthread_mutex_unlock(&old->lock);
    if (old->started)
        pthread_join(old->thread, NULL);
    tls_context_free(&old->for_public);
    tls_context_free(&old->for_tunnel);
    tls_context_free(&old->for_provider);
    aws_client_free(&old->aws);
    aws_credentials_free(&old->credentials);
    pthread_cond_destroy(&old->stop);
    pthread_mutex_destroy(&old->lock);
    arena_free(&old->arena);
    free(old);
}

struct tls_context *identities_public(struct identities *identities)
{
    return identities->for_public;
}

struct tls_context *identities_tunnel(struct identities *identities)
{
    return identities->for_tunnel;
}

struct tls_context *identities_provider(struct identities *identities)
{
    return identities->for_provider;
}
