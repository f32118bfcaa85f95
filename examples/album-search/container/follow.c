/* What may change while it runs: its configuration, whom it trusts, its identity. The host replaces files,
 * and is told which configuration is in force. */
#include "service.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "logs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { CONFIG_LARGEST = 1 << 20, LOOK_EVERY_MS = 1000 };

const struct node_config *service_config(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    const struct node_config *config = service->config;
    pthread_mutex_unlock(&service->lock);
    return config;
}

const char *service_follows(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    const char *checksum = service->followed ? service->followed->checksum : NULL;
    pthread_mutex_unlock(&service->lock);
    return checksum;
}

bool service_is_content(struct service *service)
{
    return text_equal(service_config(service)->cluster_type, "content");
}

/* Reads config.json when it is new. */
int follow_config(struct service *service, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = NULL;
    size_t length = 0;
    if (file_read(arena, arena_format(arena, "%s/config.json", service->config_directory), CONFIG_LARGEST,
                  &text, &length, err) < 0)
        return -1;
    if (text_equal(text, service->config_text))
        return 0;
    struct node_config *config = arena_alloc(arena, sizeof *config);
    if (record_parse(&node_config_record, arena, text, length, config, err) < 0)
        return -1;
    free(service->config_text);
    service->config_text = memory_strdup(text);
    pthread_mutex_lock(&service->lock);
    service->config = config;
    pthread_mutex_unlock(&service->lock);
    arena = NULL; /* the configuration's from now on */
    return 0;
}

/* TLS takes one file of authorities: clients' and the zone's together, made anew when either changes. */
int follow_trust(struct service *service, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct node_config *config = service_config(service);
    char *clients = NULL, *zone = NULL, *old = NULL;
    size_t length = 0;
    if (file_read(arena, config->identity->trust, CONFIG_LARGEST, &zone, &length, err) < 0 ||
        file_read(arena, config->clients_pem, CONFIG_LARGEST, &clients, &length, err) < 0)
        return -1;
    bool content = service_is_content(service); /* no client has any business there */
    const char *both = arena_format(arena, "%s\n%s", zone, content ? "" : clients);
    if (file_read(arena, service->trust_path, 2 * CONFIG_LARGEST, &old, &length, NULL) == 0 &&
        text_equal(old, both))
        return 0;
    return file_write(service->trust_path, both, strlen(both), 0644, err);
}

static void follow_once(struct service *service, char *last, size_t size)
{
    struct error err = {0};
    if (follow_config(service, &err) == 0 && follow_trust(service, &err) == 0) {
        tls_context_reload(service->tls);
        tls_context_reload(service->peer_tls);
        pthread_mutex_lock(&service->lock);
        service->followed = service->config;
        pthread_mutex_unlock(&service->lock);
    } else if (!text_equal(err.message, last)) {
        logs_vespa(service->logs, "warning", "container.config", "a change is not followed: %s", err.message);
    }
    snprintf(last, size, "%s", err.message);
}

/* Returns when the host has put a new file there, or after a while: an identity comes elsewhere. */
static void wait_for_change(int watch)
{
    char events[4096];
    struct pollfd waits = {.fd = watch, .events = POLLIN};
    if (watch < 0)
        clock_sleep_ms(LOOK_EVERY_MS);
    else if (poll(&waits, 1, LOOK_EVERY_MS) > 0 && read(watch, events, sizeof events) < 0)
        clock_sleep_ms(LOOK_EVERY_MS);
}

void *follow_thread(void *context)
{
    struct service *service = context;
    char last[sizeof((struct error *)0)->message] = "";
    int watch = inotify_init1(IN_CLOEXEC); /* without one it looks now and then */
    if (watch >= 0 && inotify_add_watch(watch, service->config_directory, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
        logs_vespa(service->logs, "info", "container.config", "changes are looked for each second");
    while (service) { /* until the process ends */
        follow_once(service, last, sizeof last);
        wait_for_change(watch);
    }
    return NULL;
}
