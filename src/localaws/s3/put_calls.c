/* PutObject; and what it shares with CopyObject: a new version becomes the current one. */
#include "base/clock.h"
#include "localaws/s3/conditions.h"
#include "localaws/s3/lifecycle.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/versioning.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

int s3_begin_object(struct s3_call *s3, struct s3_writing **made, struct error *err)
{
    struct s3_writing *writing = arena_alloc(s3->arena, sizeof(*writing));
    unsigned char data_key[SEGMENT_KEY];
    *made = writing;
    if (s3_put_expectation(s3, &writing->expected, err) < 0 ||
        s3_describe_object(s3, &writing->object, err) < 0 ||
        s3_seal(s3, &writing->object.sealing, data_key, err) < 0)
        return -1;
    int result = s3_writing_begin(s3, data_key, writing, err);
    gnutls_memset(data_key, 0, sizeof(data_key));
    return result;
}

int s3_begin_put_object(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing;
    if (s3_header(s3, "x-amz-copy-source"))
        return 0;
    return s3_begin_object(s3, &writing, err) < 0 ? -1 : s3_writing_receive(s3, writing, err);
}

int s3_commit_object(struct s3_call *s3, struct s3_writing *writing, struct error *err)
{
    struct error why = {0};
    writing->object.etag = writing->piece.etag;
    writing->object.size = writing->piece.size;
    writing->object.modified_ms = clock_now_ms();
    if (s3_store_put(s3->s3->store, &writing->object, &writing->piece, 1, &writing->expected, &why) < 0) {
        unlink(s3_store_path(s3->s3->store, s3->arena, writing->piece.file));
        return s3_precondition_failed(s3, &why, err);
    }
    if (s3_check_bucket_remains(s3, err) < 0)
        return -1;
    s3_answer_version(s3, writing->object.version);
    s3_answer_expiration(s3, &writing->object);
    return 0;
}

/* A checksum the client sent is kept, and given back to who asks for it. */
static void keep_checksum(struct s3_call *s3, struct s3_writing *writing)
{
    const char *value, *name = s3_body_checksum(s3->body, &value);
    if (!name)
        return;
    writing->piece.checksum = value;
    s3_object_set_header(s3, &writing->object, name, value);
    s3_object_set_header(s3, &writing->object, "x-amz-checksum-type", "FULL_OBJECT");
    s3_answer_header(s3, name, value);
    s3_answer_header(s3, "x-amz-checksum-type", "FULL_OBJECT");
}

static int put_body(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing = s3->work;
    const char *md5 = digests_value(&s3->body->digests, s3->arena, "md5", true);
    keep_checksum(s3, writing);
    if (s3_writing_finish(s3, writing, s3->body->length, md5, err) < 0 ||
        s3_commit_object(s3, writing, err) < 0)
        return -1;
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", writing->object.etag));
    s3_answer_sealing(s3, &writing->object.sealing);
    return s3_answer_empty(s3, 200);
}

int s3_put_object(struct s3_call *s3, struct error *err)
{
    return s3->work ? put_body(s3, err) : s3_copy_object(s3, err);
}
