#include "aws/imds.h"

#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"
#include "net/http_client.h"

#include <pthread.h>
#include <string.h>

enum { TOKEN_TTL_S = 21600, ATTEMPTS = 3, TIMEOUT_MS = 5000, CONNECT_TIMEOUT_MS = 1000, LARGEST = 256 << 10 };

/* The session token and the connection are the process's; the lock guards the token only. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_client *http;
static char *token;

static void make_http(void)
{
    struct http_client_options options = {.user_agent = "enclave/" ENCLAVE_VERSION, .no_proxy = true};
    http_client_new(&options, &http, NULL);
}

static char *url(struct arena *arena, const char *path)
{
    const char *endpoint = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (text_empty(endpoint))
        endpoint = "http://169.254.169.254";
    return arena_format(arena, "%s%s%s", endpoint, text_ends(endpoint, "/") ? "latest/" : "/latest/", path);
}

static int call_once(enum http_method method, const char *path, const char *header, const char *value,
                     struct arena *arena, struct http_reply *reply, struct error *err)
{
    pthread_once(&once, make_http);
    if (!http)
        return error_set(err, ERROR_INTERNAL, "no HTTP client for the instance metadata service");
    struct http_call call = {
        .method = method,
        .url = url(arena, path),
        .timeout_ms = TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .answer_limit = LARGEST,
    };
    http_headers_add(arena, &call.headers, header, value);
    if (http_call(http, &call, arena, reply, err) < 0)
        return error_context(err, "instance metadata service");
    if (reply->status < 400)
        return 0;
    return error_set(err, http_error_kind(reply->status), "instance metadata service: HTTP status %d for %s",
                     reply->status, path);
}

static int call(enum http_method method, const char *path, const char *header, const char *value,
                struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct error trouble = {0};
    for (int i = 0; i < ATTEMPTS; i++) {
        if (i)
            clock_sleep_ms(100 << i);
        error_clear(&trouble);
        if (call_once(method, path, header, value, arena, reply, &trouble) == 0)
            return 0;
        if (trouble.kind != ERROR_UNAVAILABLE && trouble.kind != ERROR_THROTTLED &&
            trouble.kind != ERROR_INTERNAL)
            break;
    }
    if (err)
        *err = trouble;
    return -1;
}

/* A session token; `fresh` when the one we have was refused. */
static int session(struct arena *arena, bool fresh, char **mine, struct error *err)
{
    pthread_mutex_lock(&lock);
    *mine = fresh ? NULL : arena_strdup(arena, token);
    pthread_mutex_unlock(&lock);
    if (*mine)
        return 0;
    struct http_reply reply;
    if (call(HTTP_PUT, "api/token", "X-aws-ec2-metadata-token-ttl-seconds",
             arena_format(arena, "%d", TOKEN_TTL_S), arena, &reply, err) < 0)
        return -1;
    *mine = reply.body;
    pthread_mutex_lock(&lock);
    memory_wipe_free(&token);
    token = memory_strdup(reply.body);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int get(struct arena *arena, const char *path, struct http_reply *reply, struct error *err)
{
    for (int i = 0;; i++) {
        struct error trouble = {0};
        char *mine;
        if (session(arena, i > 0, &mine, err) < 0)
            return -1;
        if (call(HTTP_GET, path, "X-aws-ec2-metadata-token", mine, arena, reply, &trouble) == 0)
            return 0;
        if (trouble.kind != ERROR_UNAUTHENTICATED || i > 0) {
            if (err)
                *err = trouble;
            return -1;
        }
    }
}

int imds_get(struct arena *arena, const char *path, char **text, struct error *err)
{
    struct http_reply reply;
    if (get(arena, path, &reply, err) < 0)
        return -1;
    *text = reply.body;
    return 0;
}

int imds_user_data(struct arena *arena, char **text, size_t *length, struct error *err)
{
    struct http_reply reply;
    if (get(arena, "user-data", &reply, err) < 0)
        return -1;
    *text = reply.body;
    *length = reply.length;
    return 0;
}

int imds_identity_document(struct arena *arena, struct imds_identity *identity, struct error *err)
{
    char *document, *signature;
    if (imds_get(arena, "dynamic/instance-identity/document", &document, err) < 0 ||
        imds_get(arena, "dynamic/instance-identity/rsa2048", &signature, err) < 0)
        return -1;
    *identity = (struct imds_identity){document, signature};
    return 0;
}

struct role_answer {
    char *code, *access_key_id, *secret_access_key, *token, *expiration;
};
static const struct field role_answer_fields[] = {
    FIELD_TEXT(struct role_answer, code, "Code", OPTIONAL, 100, NULL, "\"Success\""),
    FIELD_TEXT(struct role_answer, access_key_id, "AccessKeyId", REQUIRED, 128, NULL, "the key's id"),
    FIELD_TEXT(struct role_answer, secret_access_key, "SecretAccessKey", REQUIRED, 256, NULL, "the key"),
    FIELD_TEXT(struct role_answer, token, "Token", REQUIRED, 16384, NULL, "the session's token"),
    FIELD_TEXT(struct role_answer, expiration, "Expiration", REQUIRED, 64, NULL, "when it ends"),
    FIELD_END,
};
static const struct record role_answer_record = {"role credentials", sizeof(struct role_answer),
                                                 role_answer_fields};

int imds_role_keys(struct arena *arena, struct aws_keys *keys, struct error *err)
{
    char *names, **roles, *text;
    if (imds_get(arena, "meta-data/iam/security-credentials/", &names, err) < 0)
        return -1;
    text_split(arena, names, '\n', &roles);
    const char *path = arena_format(arena, "meta-data/iam/security-credentials/%s",
                                    percent_encode(arena, text_trim(arena, roles[0]), false));
    struct role_answer answer = {0};
    if (imds_get(arena, path, &text, err) < 0 ||
        record_parse(&role_answer_record, arena, text, strlen(text), &answer, err) < 0)
        return -1;
    *keys = (struct aws_keys){answer.access_key_id, answer.secret_access_key, answer.token, 0};
    return clock_parse(answer.expiration, &keys->expires_ms, err);
}
