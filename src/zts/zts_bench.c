/* How many certificates a second zts gives to instances that refresh over mTLS, all on this machine: with its own
 * provider, and with a zone's that it asks over another mTLS call. One JSON object a measure. */
#include "base/clock.h"
#include "base/log.h"
#include "zts/zts_test_world.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { RUN_MS = 3000, CLIENTS = 8 };

struct refresher {
    struct test_zts *world;
    struct sia_options options;
    int64_t until_ms;
    long refreshed;
};

static char *refresh_body(struct arena *arena, const struct sia_options *options)
{
    cleanup(key_free) struct key *key = NULL;
    struct names names;
    char *csr;
    athenz_service_names(arena, options->domain, options->service, options->provider, options->instance_id, &names);
    if (key_load(sia_key_path(arena, options->directory), &key, NULL) < 0 ||
        csr_create(arena, key, &names, &csr, NULL) < 0)
        return NULL;
    struct instance_refresh body = {.csr = csr};
    return record_text(&instance_refresh_record, arena, &body);
}

static int open_client(struct refresher *refresher, struct arena *arena, struct tls_context **tls,
                       struct http_client **client)
{
    struct tls_files files = {.certificate = sia_certificate_path(arena, refresher->options.directory),
                              .key = sia_key_path(arena, refresher->options.directory),
                              .trust = refresher->world->trust_path};
    if (tls_context_new(&files, TLS_CLIENT_NONE, tls, NULL) < 0)
        return -1;
    struct http_client_options options = {
        .tls = *tls, .check_peer = principal_check_peer, .context = "vespa.zts", .no_proxy = true};
    return http_client_new(&options, client, NULL);
}

static void *refresh_until(void *argument)
{
    struct refresher *refresher = argument;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(tls_context_free) struct tls_context *tls = NULL;
    cleanup(http_client_free) struct http_client *client = NULL;
    const struct sia_options *options = &refresher->options;
    char *body = refresh_body(arena, options);
    if (!body || open_client(refresher, arena, &tls, &client) < 0)
        return NULL;
    struct http_call call = {.method = HTTP_POST, .body = body, .body_length = strlen(body)};
    call.url = arena_format(arena, "%s/instance/%s/%s/%s/%s", options->zts_url, options->provider, options->domain,
                            options->service, options->instance_id);
    while (clock_monotonic_ms() < refresher->until_ms) {
        cleanup(arena_free) struct arena *pass = arena_new();
        struct http_reply reply;
        if (http_call(client, &call, pass, &reply, NULL) < 0 || reply.status != 200)
            break;
        refresher->refreshed++;
    }
    return NULL;
}

static double refreshes_per_second(struct refresher *refreshers)
{
    pthread_t ids[CLIENTS];
    int64_t start_ms = clock_monotonic_ms();
    long refreshed = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        refreshers[i].until_ms = start_ms + RUN_MS;
        refreshers[i].refreshed = 0;
        if (pthread_create(&ids[i], NULL, refresh_until, &refreshers[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(ids[i], NULL);
        refreshed += refreshers[i].refreshed;
    }
    return (double)refreshed * 1000 / (double)(clock_monotonic_ms() - start_ms);
}

static int prepare(struct refresher *refreshers, struct test_zts *world, bool host)
{
    struct error err = {0};
    for (size_t i = 0; i < CLIENTS; i++) {
        const char *id = arena_format(world->arena, "i-%zu%s", i, host ? "a" : "b");
        world->session = id;
        refreshers[i].world = world;
        refreshers[i].options = host ? test_zts_host(world, id) : test_zts_service(world, "controller", id);
        refreshers[i].options.directory = arena_format(world->arena, "%s/%s", world->directory, id);
        if (sia_ensure(&refreshers[i].options, &err) == SIA_FAILED) {
            fprintf(stderr, "%s\n", err.message);
            return -1;
        }
    }
    return 0;
}

int main(void)
{
    void *state = NULL;
    struct refresher refreshers[CLIENTS] = {0};
    log_open("zts_bench", LOG_LEVEL_ERROR, false);
    test_zts_set_up(&state);
    struct test_zts *world = state;
    if (prepare(refreshers, world, false) < 0)
        return 1;
    double own = refreshes_per_second(refreshers);
    if (prepare(refreshers, world, true) < 0)
        return 1;
    double asked = refreshes_per_second(refreshers);
    printf("{\"name\": \"zts.refreshes_per_s\", \"value\": %.0f, \"unit\": \"1/s\"}\n", own);
    printf("{\"name\": \"zts.confirmed_refreshes_per_s\", \"value\": %.0f, \"unit\": \"1/s\", \"against\": "
           "\"zts.refreshes_per_s\", \"ratio\": %.2f}\n",
           asked, asked / own);
    test_zts_tear_down(&state);
    return 0;
}
