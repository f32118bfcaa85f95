#include "aws/credentials.h"

#include "aws/credentials_source.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <pthread.h>

enum { REFRESH_BEFORE_MS = 5 * 60 * 1000 };

/* `fetching` lets one thread at a time ask the source; `lock` guards only the kept keys and is never held
 * across I/O, so that whoever finds usable keys goes on while another refreshes them. */
struct aws_credentials {
    struct credentials_source source;
    pthread_mutex_t fetching, lock;
    char *access_key_id, *secret_access_key, *session_token;
    int64_t expires_ms;
};

struct aws_credentials *aws_credentials_new(const struct credentials_source *source)
{
    struct aws_credentials *credentials = memory_alloc(sizeof(*credentials));
    credentials->source = *source;
    pthread_mutex_init(&credentials->fetching, NULL);
    pthread_mutex_init(&credentials->lock, NULL);
    return credentials;
}

static void drop_keys(struct aws_credentials *credentials)
{
    memory_free(&credentials->access_key_id);
    memory_wipe_free(&credentials->secret_access_key);
    memory_wipe_free(&credentials->session_token);
}

void aws_credentials_free(struct aws_credentials **credentials)
{
    if (!*credentials)
        return;
    drop_keys(*credentials);
    if ((*credentials)->source.release)
        (*credentials)->source.release((*credentials)->source.context);
    pthread_mutex_destroy(&(*credentials)->fetching);
    pthread_mutex_destroy(&(*credentials)->lock);
    memory_free(credentials);
}

static void keep(struct aws_credentials *credentials, const struct aws_keys *keys)
{
    pthread_mutex_lock(&credentials->lock);
    drop_keys(credentials);
    credentials->access_key_id = memory_strdup(keys->access_key_id);
    credentials->secret_access_key = memory_strdup(keys->secret_access_key);
    credentials->session_token = memory_strdup(keys->session_token);
    credentials->expires_ms = keys->expires_ms;
    pthread_mutex_unlock(&credentials->lock);
}

/* The kept keys, when they are good for at least `margin_ms`. */
static bool kept(struct aws_credentials *credentials, int64_t margin_ms, struct arena *arena,
                 struct aws_keys *keys)
{
    pthread_mutex_lock(&credentials->lock);
    bool good = credentials->access_key_id &&
                (!credentials->expires_ms || credentials->expires_ms - margin_ms > clock_now_ms());
    if (good)
        *keys = (struct aws_keys){arena_strdup(arena, credentials->access_key_id),
                                  arena_strdup(arena, credentials->secret_access_key),
                                  arena_strdup(arena, credentials->session_token), credentials->expires_ms};
    pthread_mutex_unlock(&credentials->lock);
    return good;
}

static int fetch(struct aws_credentials *credentials, struct arena *arena, struct aws_keys *keys,
                 struct error *err)
{
    if (kept(credentials, REFRESH_BEFORE_MS, arena, keys))
        return 0; /* another thread has just done it */
    struct error trouble = {0};
    struct aws_keys fetched = {0};
    if (credentials->source.fetch(credentials->source.context, arena, &fetched, &trouble) == 0) {
        keep(credentials, &fetched);
        *keys = fetched;
        return 0;
    }
    if (kept(credentials, 0, arena, keys)) {
        log_warning("AWS credentials not refreshed", "reason", trouble.message, NULL);
        return 0;
    }
    if (err)
        *err = trouble;
    return -1;
}

int aws_credentials_get(struct aws_credentials *credentials, struct arena *arena, struct aws_keys *keys,
                        struct error *err)
{
    if (kept(credentials, REFRESH_BEFORE_MS, arena, keys))
        return 0;
    if (pthread_mutex_trylock(&credentials->fetching) != 0) {
        if (kept(credentials, 0, arena, keys))
            return 0;
        pthread_mutex_lock(&credentials->fetching);
    }
    int result = fetch(credentials, arena, keys, err);
    pthread_mutex_unlock(&credentials->fetching);
    return result;
}
