#include "localaws/s3/conditions.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

/* A list of entity tags, or "*". */
static bool names_tag(struct s3_call *s3, const char *list, const char *etag)
{
    char **tags;
    size_t count = text_split(s3->arena, list, ',', &tags);
    for (size_t i = 0; i < count; i++) {
        const char *tag = text_trim(s3->arena, tags[i]);
        if (strcmp(tag, "*") == 0 || strcmp(tag, etag) == 0 ||
            strcmp(tag, arena_format(s3->arena, "\"%s\"", etag)) == 0)
            return true;
    }
    return false;
}

/* "Fri, 02 Jan 2026 03:04:05 GMT", or RFC 3339; -1 for what is neither: such a condition is ignored. */
static int read_date(const char *text, int64_t *seconds)
{
    struct tm time = {0};
    int64_t ms;
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &time);
    if (end && !*end) {
        *seconds = timegm(&time);
        return 0;
    }
    if (clock_parse(text, &ms, NULL) < 0)
        return -1;
    *seconds = ms / 1000;
    return 0;
}

/* The four headers; any may be NULL. */
struct conditions {
    const char *match, *none_match, *modified_since, *unmodified_since;
};

/* An entity tag that matches says more than a date: then the date is not asked. */
static enum s3_condition judge(struct s3_call *s3, const struct conditions *conditions,
                               const struct s3_object *object)
{
    int64_t modified = object->modified_ms / 1000, since;
    if (conditions->match && !names_tag(s3, conditions->match, object->etag))
        return S3_CONDITION_FAILED;
    if (!conditions->match && conditions->unmodified_since &&
        read_date(conditions->unmodified_since, &since) == 0 && modified > since)
        return S3_CONDITION_FAILED;
    if (conditions->none_match)
        return names_tag(s3, conditions->none_match, object->etag) ? S3_CONDITION_UNCHANGED
                                                                   : S3_CONDITION_HOLDS;
    if (conditions->modified_since && read_date(conditions->modified_since, &since) == 0 && modified <= since)
        return S3_CONDITION_UNCHANGED;
    return S3_CONDITION_HOLDS;
}

enum s3_condition s3_conditions(struct s3_call *s3, const struct s3_object *object)
{
    const struct conditions conditions = {
        .match = s3_header(s3, "if-match"),
        .none_match = s3_header(s3, "if-none-match"),
        .modified_since = s3_header(s3, "if-modified-since"),
        .unmodified_since = s3_header(s3, "if-unmodified-since"),
    };
    return judge(s3, &conditions, object);
}

static int failed(struct s3_call *s3, struct error *err)
{
    return s3_fail(s3, err, 412, "PreconditionFailed",
                   "At least one of the pre-conditions you specified did not hold");
}

int s3_copy_conditions(struct s3_call *s3, const struct s3_object *source, struct error *err)
{
    const struct conditions conditions = {
        .match = s3_header(s3, "x-amz-copy-source-if-match"),
        .none_match = s3_header(s3, "x-amz-copy-source-if-none-match"),
        .modified_since = s3_header(s3, "x-amz-copy-source-if-modified-since"),
        .unmodified_since = s3_header(s3, "x-amz-copy-source-if-unmodified-since"),
    };
    return judge(s3, &conditions, source) == S3_CONDITION_HOLDS ? 0 : failed(s3, err);
}

int s3_put_expectation(struct s3_call *s3, struct s3_expectation *expected, struct error *err)
{
    const char *none = s3_header(s3, "if-none-match"), *match = s3_header(s3, "if-match");
    *expected = (struct s3_expectation){.absent = none != NULL};
    if ((none && !text_equal(none, "*")) || (match && strchr(match, ',')))
        return s3_fail(s3, err, 501, "NotImplemented",
                       "A header you provided implies functionality that is not implemented");
    if (!match)
        return 0;
    size_t length = strlen(match);
    bool quoted = length >= 2 && match[0] == '"' && match[length - 1] == '"';
    expected->etag = quoted ? arena_strndup(s3->arena, match + 1, length - 2) : match;
    return 0;
}

int s3_precondition_failed(struct s3_call *s3, const struct error *why, struct error *err)
{
    if (why->kind == ERROR_CONFLICT)
        return failed(s3, err);
    if (why->kind == ERROR_NOT_FOUND)
        return s3_fail(s3, err, 404, "NoSuchKey", "The specified key does not exist.");
    return error_set(err, why->kind, "%s", why->message);
}
