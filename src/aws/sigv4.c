#include "aws/sigv4.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"

#include <ctype.h>
#include <gnutls/crypto.h>
#include <string.h>

enum { HASH_BYTES = 32, CANONICAL_LARGEST = 1 << 20 };

char *sigv4_sha256(struct arena *arena, const void *bytes, size_t length)
{
    unsigned char hash[HASH_BYTES];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, length, hash) < 0)
        abort(); /* only without memory or without SHA-256 */
    return hex_encode(arena, hash, sizeof(hash));
}

static bool is_unreserved(char byte)
{
    return isalnum((unsigned char)byte) || (byte && strchr("-_.~", byte));
}

static void append_escaped(struct buffer *out, char byte)
{
    if (is_unreserved(byte))
        buffer_append(out, &byte, 1);
    else
        buffer_format(out, "%%%02X", (unsigned char)byte);
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes a query component and encodes it again, so that "%7e", "~", "+" and raw UTF-8 become their one
 * canonical form. A '%' that begins no escape stands for itself. */
static char *canonical_component(struct arena *arena, const char *raw, size_t length)
{
    cleanup(buffer_free) struct buffer out = buffer_new(CANONICAL_LARGEST);
    for (size_t i = 0; i < length; i++) {
        int high = raw[i] == '%' && i + 2 < length ? hex_digit(raw[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
        if (low >= 0) {
            append_escaped(&out, (char)(high * 16 + low));
            i += 2;
        } else {
            append_escaped(&out, raw[i] == '+' ? ' ' : raw[i]);
        }
    }
    return arena_strndup(arena, buffer_string(&out), out.length);
}

struct pair {
    const char *name, *value;
};

static int pair_order(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

/* Sorted by encoded name, then value; "uploads" becomes "uploads="; a presigned query's own signature is left
 * out. */
static void append_query(struct arena *arena, struct buffer *out, const char *query)
{
    char **parts;
    size_t count = text_split(arena, query, '&', &parts), kept = 0;
    struct pair *pairs = arena_alloc(arena, sizeof(*pairs) * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchrnul(parts[i], '=');
        const char *value = *equals ? equals + 1 : equals;
        if (equals == parts[i])
            continue;
        struct pair pair = {canonical_component(arena, parts[i], (size_t)(equals - parts[i])),
                            canonical_component(arena, value, strlen(value))};
        if (strcmp(pair.name, "X-Amz-Signature") != 0)
            pairs[kept++] = pair;
    }
    qsort(pairs, kept, sizeof(*pairs), pair_order);
    for (size_t i = 0; i < kept; i++)
        buffer_format(out, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
}

/* RFC 3986 §5.2.4 as AWS has it: "." and ".." resolved, empty segments dropped, a final slash kept; each byte
 * that is not unreserved is then encoded (once more: an escape's '%' becomes "%25"). */
static void append_normal_path(struct arena *arena, struct buffer *out, const char *path)
{
    char **segments;
    size_t count = text_split(arena, path, '/', &segments), depth = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(segments[i], "..") == 0)
            depth -= depth > 0;
        else if (segments[i][0] && strcmp(segments[i], ".") != 0)
            segments[depth++] = segments[i];
    }
    for (size_t i = 0; i < depth; i++) {
        buffer_text(out, "/");
        for (const char *at = segments[i]; *at; at++)
            append_escaped(out, *at);
    }
    if (depth == 0 || text_ends(path, "/"))
        buffer_text(out, "/");
}

/* Blanks around the value go, runs of blanks inside become one. */
static void append_trimmed(struct buffer *out, const char *value)
{
    const char *blanks = " \t\r\n";
    value += strspn(value, blanks);
    while (*value) {
        size_t word = strcspn(value, blanks);
        buffer_append(out, value, word);
        value += word;
        value += strspn(value, blanks);
        if (*value)
            buffer_text(out, " ");
    }
}

/* A header sent several times is signed as one, its values joined by commas in the order sent. */
static void append_header(struct buffer *out, const struct http_headers *headers, const char *name)
{
    buffer_format(out, "%s:", name);
    bool first = true;
    for (size_t i = 0; i < headers->count; i++) {
        if (!text_equal_nocase(headers->items[i].name, name))
            continue;
        if (!first)
            buffer_text(out, ",");
        append_trimmed(out, headers->items[i].value);
        first = false;
    }
    buffer_text(out, "\n");
}

char *sigv4_canonical_request(struct arena *arena, const struct sigv4_request *request,
                              const struct sigv4_scope *scope, const char *signed_headers)
{
    cleanup(buffer_free) struct buffer out = buffer_new(CANONICAL_LARGEST);
    buffer_format(&out, "%s\n", request->method);
    if (text_equal(scope->service, "s3"))
        buffer_text(&out, text_empty(request->path) ? "/" : request->path);
    else
        append_normal_path(arena, &out, request->path);
    buffer_text(&out, "\n");
    append_query(arena, &out, request->query);
    buffer_text(&out, "\n");
    char **names;
    size_t count = text_split(arena, signed_headers, ';', &names);
    for (size_t i = 0; i < count; i++)
        append_header(&out, request->headers, names[i]);
    buffer_format(&out, "\n%s\n%s", signed_headers, request->payload_hash);
    return arena_strndup(arena, buffer_string(&out), out.length);
}

char *sigv4_string_to_sign(struct arena *arena, const char *amz_date, const struct sigv4_scope *scope,
                           const char *canonical_request)
{
    return arena_format(arena, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", amz_date, scope->date,
                        scope->region, scope->service,
                        sigv4_sha256(arena, canonical_request, strlen(canonical_request)));
}

static void hmac(const void *key, size_t key_length, const char *text, unsigned char mac[HASH_BYTES])
{
    unsigned char result[HASH_BYTES]; /* `key` may be `mac` */
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_length, text, strlen(text), result) < 0)
        abort(); /* as in sigv4_sha256 */
    memcpy(mac, result, sizeof(result));
    gnutls_memset(result, 0, sizeof(result));
}

void sigv4_signing_key(const char *secret, const struct sigv4_scope *scope, unsigned char key[SIGV4_KEY])
{
    cleanup(memory_wipe_free) char *seed = memory_format("AWS4%s", secret);
    hmac(seed, strlen(seed), scope->date, key);
    hmac(key, SIGV4_KEY, scope->region, key);
    hmac(key, SIGV4_KEY, scope->service, key);
    hmac(key, SIGV4_KEY, "aws4_request", key);
}

char *sigv4_sign_text(struct arena *arena, const unsigned char key[SIGV4_KEY], const char *string_to_sign)
{
    unsigned char mac[HASH_BYTES];
    hmac(key, SIGV4_KEY, string_to_sign, mac);
    return hex_encode(arena, mac, sizeof(mac));
}

char *sigv4_signature(struct arena *arena, const char *secret, const struct sigv4_scope *scope,
                      const char *string_to_sign)
{
    unsigned char key[SIGV4_KEY];
    sigv4_signing_key(secret, scope, key);
    char *signature = sigv4_sign_text(arena, key, string_to_sign);
    gnutls_memset(key, 0, sizeof(key));
    return signature;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All of them, lower case, sorted, each once: "host;x-amz-date". */
static char *header_names(struct arena *arena, const struct http_headers *headers)
{
    char **names = arena_alloc(arena, sizeof(*names) * (headers->count + 1));
    for (size_t i = 0; i < headers->count; i++)
        names[i] = text_lower(arena, headers->items[i].name);
    qsort(names, headers->count, sizeof(*names), name_order);
    cleanup(buffer_free) struct buffer out = buffer_new(CANONICAL_LARGEST);
    for (size_t i = 0; i < headers->count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            buffer_format(&out, "%s%s", i ? ";" : "", names[i]);
    return arena_strndup(arena, buffer_string(&out), out.length);
}

void sigv4_sign(struct arena *arena, const struct aws_keys *keys, const char *region, const char *service,
                const char *method, const char *path, const char *query, const char *payload_hash,
                int64_t now_ms, struct http_headers *headers)
{
    const char *amz_date = clock_aws_basic(arena, now_ms);
    http_headers_add(arena, headers, "x-amz-date", amz_date);
    if (keys->session_token)
        http_headers_add(arena, headers, "x-amz-security-token", keys->session_token);
    if (text_equal(service, "s3"))
        http_headers_add(arena, headers, "x-amz-content-sha256", payload_hash);

    struct sigv4_scope scope = {arena_strndup(arena, amz_date, 8), region, service};
    struct sigv4_request request = {method, path, query, headers, payload_hash};
    const char *names = header_names(arena, headers);
    const char *canonical = sigv4_canonical_request(arena, &request, &scope, names);
    const char *to_sign = sigv4_string_to_sign(arena, amz_date, &scope, canonical);
    const char *signature = sigv4_signature(arena, keys->secret_access_key, &scope, to_sign);
    http_headers_add(
        arena, headers, "authorization",
        arena_format(arena,
                     "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                     keys->access_key_id, scope.date, region, service, names, signature));
}
