#include "controller/own_identity.h"

#include "aws/sts.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "sia/sia.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { LOOK_EVERY_MS = 60 * 1000, RETRY_MS = 1000, SAY_EVERY = 15 };

struct own_identity {
    struct arena *arena;
    struct aws_credentials *credentials;
    struct aws_client *aws;
    struct sia_aws attestation;
    struct sia_options sia;
    struct tls_context *tls;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* stopping */
    pthread_cond_t changed;
    bool stopping;
};

/* zts wants the instance's name to be the session's, which on EC2 is the instance's id. */
static int learn_instance(struct own_identity *identity, struct error *err)
{
    struct sts_identity ours;
    if (identity->sia.instance_id)
        return 0;
    if (sts_get_caller_identity(identity->aws, identity->arena, &ours, err) < 0)
        return -1;
    identity->sia.instance_id = ours.session ? ours.session : "controller";
    return 0;
}

/* The pause between two tries; main blocks these signals for all threads. */
static bool told_to_stop(void)
{
    const struct timespec pause = {.tv_sec = RETRY_MS / 1000, .tv_nsec = RETRY_MS % 1000 * 1000000};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    return sigtimedwait(&ends, NULL, &pause) > 0;
}

static int wait_first(struct own_identity *identity, struct error *err)
{
    for (int tries = 0; learn_instance(identity, err) < 0 || sia_ensure(&identity->sia, err) == SIA_FAILED; tries++) {
        if (tries % SAY_EVERY == 0)
            log_warning("waiting for an identity", "reason", err->message, NULL);
        if (told_to_stop())
            return error_context(err, "stopped while waiting for an identity");
    }
    return 0;
}

static bool wait_to_look(struct own_identity *identity)
{
    int64_t until_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&identity->lock);
    int waited = 0;
    while (!identity->stopping && waited == 0)
        waited = pthread_cond_timedwait(&identity->changed, &identity->lock, &until);
    bool go_on = !identity->stopping;
    pthread_mutex_unlock(&identity->lock);
    return go_on;
}

static void *keep_fresh(void *context)
{
    struct own_identity *identity = context;
    while (wait_to_look(identity)) {
        struct error err = {0};
        enum sia_result result = sia_ensure(&identity->sia, &err);
        if (result == SIA_FAILED)
            log_warning("identity cannot be refreshed yet", "reason", err.message, NULL);
        else if (result == SIA_RENEWED)
            tls_context_reload(identity->tls);
    }
    return NULL;
}

static int prepare(struct own_identity *identity, const struct controller_config *config, const char *state,
                   struct error *err)
{
    struct arena *arena = identity->arena;
    const char *directory = arena_format(arena, "%s/identity", state);
    const char *trust = arena_format(arena, "%s/trust.pem", state);
    identity->credentials = aws_credentials_default();
    if (file_write(trust, config->ca_certificates, strlen(config->ca_certificates), 0644, err) < 0 ||
        directory_make(directory, 0700, err) < 0 ||
        aws_client_new(identity->credentials, config->aws_region, &identity->aws, err) < 0)
        return -1;
    identity->attestation = (struct sia_aws){identity->aws, config->zts_url, trust};
    identity->sia = (struct sia_options){.directory = directory,
                                         .zts_url = config->zts_url,
                                         .trust_path = trust,
                                         .domain = "vespa",
                                         .service = "controller",
                                         .provider = "vespa.aws",
                                         .attest = sia_attest_aws,
                                         .context = &identity->attestation};
    return 0;
}

int own_identity_start(const struct controller_config *config, const char *state, struct own_identity **identity,
                       struct error *err)
{
    cleanup(own_identity_stop) struct own_identity *made = memory_alloc(sizeof *made);
    pthread_condattr_t monotonic;
    made->arena = arena_new();
    pthread_mutex_init(&made->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (prepare(made, config, state, err) < 0 || wait_first(made, err) < 0)
        return -1;
    const struct tls_files files = {sia_certificate_path(made->arena, made->sia.directory),
                                    sia_key_path(made->arena, made->sia.directory),
                                    sia_trust_path(made->arena, made->sia.directory)};
    if (tls_context_new(&files, TLS_CLIENT_ALLOWED, &made->tls, err) < 0)
        return -1;
    if (pthread_create(&made->thread, NULL, keep_fresh, made) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot start the identity's thread");
    made->running = true;
    *identity = take(&made);
    return 0;
}

struct tls_context *own_identity_tls(struct own_identity *identity)
{
    return identity->tls;
}

void own_identity_stop(struct own_identity **identity)
{
    struct own_identity *old = *identity;
    if (!old)
        return;
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    pthread_cond_broadcast(&old->changed);
    pthread_mutex_unlock(&old->lock);
    if (old->running)
        pthread_join(old->thread, NULL);
    tls_context_free(&old->tls);
    aws_client_free(&old->aws);
    aws_credentials_free(&old->credentials);
    pthread_mutex_destroy(&old->lock);
    pthread_cond_destroy(&old->changed);
    arena_free(&old->arena);
    free(old);
    *identity = NULL;
}
