#include "aws/request.h"

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { BACKOFF_MS = 100, BACKOFF_DOUBLINGS = 4 };

/* The dual-stack endpoints throughout: hosts of an enclave have IPv6 and nothing else to reach them by.
 * Source: AWS General Reference, "Dual stack endpoints". */
static const struct aws_service services[] = {
    {"ec2", "EC2", "ec2.%s.api.aws", "2016-11-15", NULL, AWS_EC2},
    {"iam", "IAM", "iam.global.api.aws", "2010-05-08", "us-east-1", AWS_QUERY},
    {"sts", "STS", "sts.%s.api.aws", "2011-06-15", NULL, AWS_QUERY},
    {"elasticloadbalancing", "ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing.%s.api.aws", "2015-12-01",
     NULL, AWS_QUERY},
    {"cloudtrail", "CLOUDTRAIL", "cloudtrail.%s.api.aws", NULL, NULL, AWS_JSON},
    {"kms", "KMS", "kms.%s.api.aws", NULL, NULL, AWS_JSON},
    {"ssm", "SSM", "ssm.%s.api.aws", NULL, NULL, AWS_JSON},
    {"s3", "S3", "s3.dualstack.%s.amazonaws.com", NULL, NULL, AWS_REST_XML},
};

const struct aws_service *aws_service_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    assert(!"a service this library calls");
    return NULL;
}

static const char * override(struct arena *arena, const struct aws_service *service)
{
    const char *own = getenv(arena_format(arena, "AWS_ENDPOINT_URL_%s", service->variable));
    const char *general = getenv("AWS_ENDPOINT_URL");
    return !text_empty(own) ? own : !text_empty(general) ? general : NULL;
}

bool aws_endpoint_overridden(const struct aws_service *service)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return override(arena, service) != NULL;
}

char *aws_endpoint(struct arena *arena, const char *name, const char *region)
{
    const struct aws_service *service = aws_service_find(name);
    const char *chosen = override(arena, service);
    if (chosen) {
        size_t length = strlen(chosen);
        return arena_strndup(arena, chosen, length && chosen[length - 1] == '/' ? length - 1 : length);
    }
    const char *place = strchr(service->host_format, '%');
    if (!place)
        return arena_format(arena, "https://%s", service->host_format);
    return arena_format(arena, "https://%.*s%s%s", (int)(place - service->host_format), service->host_format,
                        region, place + 2);
}

char *aws_authority(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return arena_strndup(arena, host, strcspn(host, "/?#"));
}

static pthread_once_t http_once = PTHREAD_ONCE_INIT;
static struct http_client *http_shared;
static struct error http_trouble;

static void make_http(void)
{
    const char *bundle = getenv("AWS_CA_BUNDLE");
    struct http_client_options options = {
        .trust = text_empty(bundle) ? NULL : bundle,
        .user_agent = "enclave/" ENCLAVE_VERSION,
    };
    if (http_client_new(&options, &http_shared, &http_trouble) < 0)
        error_context(&http_trouble, "AWS client");
}

int aws_http_client(struct http_client **http, struct error *err)
{
    pthread_once(&http_once, make_http);
    *http = http_shared;
    if (http_shared)
        return 0;
    if (err)
        *err = http_trouble;
    return -1;
}

static bool worth_another(const struct aws_client *client, const struct error *err, int tries)
{
    if (err->kind == ERROR_THROTTLED)
        return aws_client_tries_throttled_again(client, tries);
    return tries < AWS_TRIES && (err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_INTERNAL);
}

/* Full jitter: anywhere between now and the ceiling, so that many clients do not come back together. Source:
 * "Exponential Backoff And Jitter", AWS Architecture Blog. */
void aws_back_off(int tries)
{
    int doublings = tries - 1 < BACKOFF_DOUBLINGS ? tries - 1 : BACKOFF_DOUBLINGS;
    clock_sleep_ms((int64_t)random_below(((uint64_t)BACKOFF_MS << doublings) + 1));
}

/* Headers are made anew each time: date, and maybe keys, differ. */
static int sign(struct aws_client *client, const struct aws_request *request, const char *endpoint,
                struct arena *arena, struct http_headers *headers, struct error *err)
{
    struct aws_keys keys;
    if (aws_credentials_get(aws_client_credentials(client), arena, &keys, err) < 0)
        return -1;
    *headers = (struct http_headers){0};
    http_headers_add(arena, headers, "host", aws_authority(arena, endpoint));
    for (size_t i = 0; i < request->headers.count; i++)
        http_headers_add(arena, headers, request->headers.items[i].name, request->headers.items[i].value);
    const char *hash = request->payload_hash;
    if (!hash)
        hash = sigv4_sha256(arena, request->body, request->body_length);
    const char *region = request->service->region ? request->service->region : aws_client_region(client);
    sigv4_sign(arena, &keys, region, request->service->name, http_method_name(request->method), request->path,
               request->query, hash, clock_now_ms(), headers);
    return 0;
}

/* What is left of a call that began then; for one try. */
static int timeout_of(const struct aws_client *client, const struct aws_request *request, int64_t began)
{
    int64_t left = aws_client_longest_call(client) + began - clock_monotonic_ms();
    if (!aws_client_longest_call(client))
        return request->timeout_ms;
    left = left > 1 ? left : 1;
    return request->timeout_ms && request->timeout_ms < left ? request->timeout_ms : (int)left;
}

static bool is_late(const struct aws_client *client, int64_t began)
{
    int64_t longest = aws_client_longest_call(client);
    return longest && clock_monotonic_ms() - began >= longest / 2; /* another would not be given enough */
}

static int attempt(struct aws_client *client, const struct aws_request *request, int64_t began,
                   struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct http_client *http;
    char *endpoint = aws_endpoint(arena, request->service->name, aws_client_region(client));
    struct http_call call = {
        .method = request->method,
        .url = arena_format(arena, "%s%s%s%s", endpoint, request->path, *request->query ? "?" : "",
                            request->query),
        .body = request->body,
        .body_length = request->body_length,
        .body_file = request->body_file,
        .timeout_ms = timeout_of(client, request, began),
        .answer_limit = request->answer_limit,
    };
    if (aws_http_client(&http, err) < 0 || sign(client, request, endpoint, arena, &call.headers, err) < 0)
        return -1;
    if (http_call(http, &call, arena, reply, err) < 0)
        return error_context(err, "%s", request->what);
    return reply->status < 400 ? 0 : aws_error(request, reply, arena, err);
}

int aws_send(struct aws_client *client, const struct aws_request *request, struct arena *arena,
             struct http_reply *reply, struct error *err)
{
    struct error trouble = {0};
    int64_t began = clock_monotonic_ms();
    off_t start = request->body_file > 0 ? lseek(request->body_file, 0, SEEK_CUR) : 0;
    if (start < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "%s: find the file's offset", request->what);
    for (int tries = 1;; tries++) {
        error_clear(&trouble);
        if (attempt(client, request, began, arena, reply, &trouble) == 0)
            return 0;
        if (request->once || !worth_another(client, &trouble, tries) || is_late(client, began))
            break;
        aws_back_off(tries);
        if (request->body_file > 0 && lseek(request->body_file, start, SEEK_SET) < 0)
            return error_errno(err, ERROR_UNAVAILABLE, "%s: rewind the file", request->what);
    }
    if (err)
        *err = trouble;
    return -1;
}
