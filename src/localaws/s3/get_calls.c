/* GetObject and HeadObject: conditions, one range, and the plain text made while it is sent. */
#include "base/clock.h"
#include "localaws/s3/conditions.h"
#include "localaws/s3/lifecycle.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/range.h"
#include "localaws/s3/tags.h"
#include "localaws/s3/versioning.h"

#include <string.h>

/* A presigned link may say how its answer is to look. */
static const char *const overridable[] = {"cache-control",    "content-disposition", "content-encoding",
                                          "content-language", "content-type",        "expires"};

static const char * override(struct s3_call *s3, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(overridable); i++)
        if (strcmp(overridable[i], name) == 0)
            return s3_query(s3, arena_format(s3->arena, "response-%s", name));
    return NULL;
}

static void answer_kept_headers(struct s3_call *s3, const struct s3_object *object, const char **content_type)
{
    json_t *headers = NULL, *value;
    const char *name;
    bool checksums = text_equal_nocase(s3_header(s3, "x-amz-checksum-mode"), "ENABLED") &&
                     !s3_header(s3, "range") && !s3_query(s3, "partNumber");
    *content_type = "binary/octet-stream";
    if (json_parse(s3->arena, object->headers, strlen(object->headers), &headers, NULL) < 0)
        return;
    json_object_foreach(headers, name, value) {
        if (strcmp(name, "content-type") == 0)
            *content_type = json_string_value(value);
        else if ((checksums || !text_starts(name, "x-amz-checksum-")) && !override(s3, name))
            s3_answer_header(s3, name, json_string_value(value));
    }
    for (size_t i = 0; i < COUNT_OF(overridable); i++) {
        const char *instead = override(s3, overridable[i]);
        if (instead && strcmp(overridable[i], "content-type") == 0)
            *content_type = instead;
        else
            s3_answer_header(s3, overridable[i], instead);
    }
}

static void answer_headers(struct s3_call *s3, const struct s3_object *object, const char **content_type)
{
    answer_kept_headers(s3, object, content_type);
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", object->etag));
    s3_answer_header(s3, "Last-Modified", clock_http(s3->arena, object->modified_ms));
    s3_answer_header(s3, "Accept-Ranges", "bytes");
    s3_answer_header(s3, "x-amz-request-id", s3->call->request_id);
    s3_answer_version(s3, object->version);
    if (object->latest)
        s3_answer_expiration(s3, object);
    if (*object->tags)
        s3_answer_header(s3, "x-amz-tagging-count",
                         arena_format(s3->arena, "%zu", s3_tags_count(object->tags)));
    s3_answer_sealing(s3, &object->sealing);
}

struct sending {
    struct s3_reading *reading;
    uint64_t first, length;
};

static int64_t send_piece(void *context, uint64_t position, char *buffer, size_t room)
{
    struct sending *sending = context;
    size_t length;
    if (position >= sending->length)
        return 0;
    if (room > sending->length - position)
        room = (size_t)(sending->length - position);
    if (s3_reading_read(sending->reading, sending->first + position, buffer, room, &length, NULL) < 0)
        return -1; /* the connection breaks: half an object must not look like one */
    return (int64_t)length;
}

static void release_sending(void *context)
{
    struct sending *sending = context;
    s3_reading_free(&sending->reading);
    free(sending);
}

/* Reads a first byte before anything is promised, so that an altered file or a wrong key is a refusal, not
 * half an answer. */
static int check_readable(struct s3_reading *reading, const struct byte_range *range, struct error *err)
{
    char byte;
    size_t length;
    return range->length ? s3_reading_read(reading, range->first, &byte, 1, &length, err) : 0;
}

static int send_object(struct s3_call *s3, const struct s3_object *object, struct s3_reading **reading,
                       const struct byte_range *range, struct error *err)
{
    const char *content_type;
    if (s3_reading_unseal(s3, *reading, object, err) < 0 || check_readable(*reading, range, err) < 0)
        return -1;
    struct sending *sending = memory_alloc(sizeof(*sending));
    *sending = (struct sending){take(reading), range->first, range->length};
    answer_headers(s3, object, &content_type);
    http_respond_stream(s3->call->request, range->kind == RANGE_PART ? 206 : 200, content_type,
                        (int64_t)range->length, send_piece, sending, release_sending);
    return 0;
}

/* 304 when the client has it already; 412 when it is not what the client means. */
static int check_conditions(struct s3_call *s3, const struct s3_object *object, bool *done, struct error *err)
{
    enum s3_condition condition = s3_conditions(s3, object);
    *done = condition == S3_CONDITION_UNCHANGED;
    if (condition == S3_CONDITION_FAILED)
        return s3_fail(s3, err, 412, "PreconditionFailed",
                       "At least one of the pre-conditions you specified did not hold");
    if (!*done)
        return 0;
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", object->etag));
    s3_answer_header(s3, "Last-Modified", clock_http(s3->arena, object->modified_ms));
    return s3_answer_empty(s3, 304);
}

/* ?partNumber=: the bytes that came as that part. What was not put in parts is one. */
static int find_part(struct s3_call *s3, const struct s3_object *object, const char *text,
                     struct byte_range *range, struct error *err)
{
    struct s3_piece *pieces;
    size_t count;
    int64_t number;
    if (text_number(text, 1, 10000, "partNumber", &number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "Part number must be an integer between 1 and 10000, inclusive");
    if (s3_header(s3, "range"))
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "Cannot specify both Range header and partNumber query parameter");
    if (s3_store_pieces(s3->s3->store, s3->arena, object->id, &pieces, &count, err) < 0)
        return -1;
    if ((uint64_t)number > count)
        return s3_fail(s3, err, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
    *range = (struct byte_range){RANGE_PART, 0, (uint64_t)pieces[number - 1].size};
    for (int64_t i = 0; i < number - 1; i++)
        range->first += (uint64_t)pieces[i].size;
    if (range->length == 0)
        range->kind = RANGE_WHOLE; /* of an empty object there is no range */
    if (strchr(object->etag, '-'))
        s3_answer_header(s3, "x-amz-mp-parts-count", arena_format(s3->arena, "%zu", count));
    return 0;
}

/* What GET and HEAD have in common before a byte is sent; `*done` when the answer is complete with that. */
static int prepare(struct s3_call *s3, const struct s3_object *object, struct byte_range *range, bool *done,
                   struct error *err)
{
    const char *part = s3_query(s3, "partNumber");
    long long size = (long long)object->size;
    if (check_conditions(s3, object, done, err) < 0 || *done)
        return *done ? 0 : -1;
    *range = byte_range_parse(s3_header(s3, "range"), (uint64_t)size);
    if (part && find_part(s3, object, part, range, err) < 0)
        return -1;
    if (range->kind == RANGE_UNSATISFIABLE) {
        s3_answer_header(s3, "Content-Range", arena_format(s3->arena, "bytes */%lld", size));
        return s3_fail(s3, err, 416, "InvalidRange", "The requested range is not satisfiable");
    }
    if (range->kind == RANGE_PART)
        s3_answer_header(s3, "Content-Range",
                         arena_format(s3->arena, "bytes %lld-%lld/%lld", (long long)range->first,
                                      (long long)(range->first + range->length) - 1, size));
    return 0;
}

int s3_get_object(struct s3_call *s3, struct error *err)
{
    cleanup(s3_reading_free) struct s3_reading *reading = NULL;
    struct s3_object object;
    struct byte_range range;
    bool done;
    if (s3_reading_open(s3, &object, &reading, err) < 0 || prepare(s3, &object, &range, &done, err) < 0)
        return -1;
    return done ? 0 : send_object(s3, &object, &reading, &range, err);
}

static int64_t send_nothing(void *context, uint64_t position, char *buffer, size_t room)
{
    (void)context, (void)position, (void)buffer, (void)room;
    return -1; /* an answer to HEAD has no body to read */
}

/* Says what GET would, without touching what is encrypted. */
int s3_head_object(struct s3_call *s3, struct error *err)
{
    struct s3_object object;
    struct byte_range range;
    bool done;
    const char *content_type;
    if (s3_find_object(s3, &object, err) < 0 || s3_check_customer_key(s3, &object.sealing, err) < 0 ||
        prepare(s3, &object, &range, &done, err) < 0)
        return -1;
    if (done)
        return 0;
    answer_headers(s3, &object, &content_type);
    http_respond_stream(s3->call->request, range.kind == RANGE_PART ? 206 : 200, content_type,
                        (int64_t)range.length, send_nothing, NULL, NULL);
    return 0;
}
