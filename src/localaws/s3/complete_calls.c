/* CompleteMultipartUpload: the parts named become the object. */
#include "base/clock.h"
#include "base/xml.h"
#include "localaws/s3/conditions.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/versioning.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { MOST_PARTS = 10000, SMALLEST_PART = 5 << 20 };

struct completion {
    struct s3_piece *pieces; /* of the upload, by number */
    size_t piece_count;
    struct s3_piece *chosen;
    size_t count;
    int64_t size;
    struct digests md5;         /* over the parts' */
    const char *checksum;       /* header's name of what the parts have; or NULL */
    bool composite;             /* the object's is over theirs, */
    struct digests checksums;   /* or */
    const char *whole_checksum; /* over its bytes: theirs put together */
};

static const struct s3_piece *find_piece(const struct completion *completion, int64_t number)
{
    size_t low = 0, high = completion->piece_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (completion->pieces[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < completion->piece_count && completion->pieces[low].number == number
               ? &completion->pieces[low]
               : NULL;
}

static const char *unquoted(struct arena *arena, const char *etag)
{
    size_t length = strlen(etag);
    return length >= 2 && etag[0] == '"' ? arena_strndup(arena, etag + 1, length - 2) : etag;
}

static int check_checksum(struct s3_call *s3, const struct completion *completion, xmlNode *part,
                          const struct s3_piece *piece, struct error *err)
{
    const char *element = s3_checksum_element(completion->checksum);
    const char *said = element ? xml_child_content(s3->arena, part, element) : NULL;
    if (said && !text_equal(said, piece->checksum))
        return s3_fail(s3, err, 400, "InvalidPart", "Part %lld has another checksum",
                       (long long)piece->number);
    if (completion->checksum && completion->composite && !said)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The upload was created using a %s checksum. The complete request must include the "
                       "checksum for each part. It was missing for part %lld in the request.",
                       completion->checksum + strlen("x-amz-checksum-"), (long long)piece->number);
    return 0;
}

static void add_decoded(struct s3_call *s3, struct digests *digests, const char *text, bool hex)
{
    unsigned char *bytes;
    size_t length;
    if ((hex ? hex_decode(s3->arena, text, &bytes, &length, NULL)
             : base64_decode(s3->arena, text, &bytes, &length, NULL)) == 0)
        digests_update(digests, bytes, length);
}

static void add_piece(struct s3_call *s3, struct completion *completion, const struct s3_piece *piece)
{
    add_decoded(s3, &completion->md5, piece->etag, true);
    if (completion->checksum && completion->composite)
        add_decoded(s3, &completion->checksums, piece->checksum, false);
    else if (completion->checksum)
        completion->whole_checksum =
            digest_combine(s3->arena, completion->checksum, completion->whole_checksum, piece->checksum,
                           (uint64_t)piece->size);
    completion->chosen[completion->count++] = *piece;
    completion->size += piece->size;
}

static int take_part(struct s3_call *s3, struct completion *completion, xmlNode *part, struct error *err)
{
    const char *text = xml_child_content(s3->arena, part, "PartNumber");
    const char *etag = xml_child_content(s3->arena, part, "ETag");
    int64_t number;
    if (!text || !etag || text_number(text, 1, MOST_PARTS, "PartNumber", &number, NULL) < 0)
        return s3_fail(s3, err, 400, "MalformedXML", "A part has a PartNumber and an ETag");
    if (completion->count && completion->chosen[completion->count - 1].number >= number)
        return s3_fail(s3, err, 400, "InvalidPartOrder", "The list of parts was not in ascending order");
    const struct s3_piece *piece = find_piece(completion, number);
    if (!piece || !text_equal(piece->etag, unquoted(s3->arena, etag)))
        return s3_fail(s3, err, 400, "InvalidPart", "Part %lld could not be found, or its entity tag differs",
                       (long long)number);
    if (piece->size < SMALLEST_PART && xml_next(part, "Part"))
        return s3_fail(s3, err, 400, "EntityTooSmall", "Part %lld is smaller than 5 MiB and not the last",
                       (long long)number);
    if (check_checksum(s3, completion, part, piece, err) < 0)
        return -1;
    add_piece(s3, completion, piece);
    return 0;
}

static int take_parts(struct s3_call *s3, struct completion *completion, struct error *err)
{
    const struct buffer *body = &s3->body->collected;
    xmlNode *root;
    if (xml_parse(s3->arena, "the body", buffer_string(body), body->length, &root, NULL) < 0 ||
        strcmp(xml_name(root), "CompleteMultipartUpload") != 0)
        return s3_fail(s3, err, 400, "MalformedXML", "The XML you provided names no parts");
    completion->chosen = arena_alloc(s3->arena, (completion->piece_count + 1) * sizeof(*completion->chosen));
    for (xmlNode *part = xml_first(root, "Part"); part; part = xml_next(part, "Part"))
        if (take_part(s3, completion, part, err) < 0)
            return -1;
    return completion->count ? 0
                             : s3_fail(s3, err, 400, "MalformedXML", "You must specify at least one part");
}

static void free_digests(void *object)
{
    struct completion *completion = object;
    digests_free(&completion->md5);
    digests_free(&completion->checksums);
}

static int open_completion(struct s3_call *s3, struct s3_object *object, struct completion **made,
                           struct error *err)
{
    struct completion *completion = arena_alloc(s3->arena, sizeof(*completion));
    arena_defer(s3->arena, free_digests, completion);
    *made = completion;
    digests_begin(&completion->md5, "md5");
    completion->checksum = s3_upload_checksum(s3, object);
    completion->composite = text_equal(s3_object_header(s3, object, "x-amz-checksum-type"), "COMPOSITE");
    if (completion->checksum && completion->composite)
        digests_begin(&completion->checksums, completion->checksum);
    return s3_store_pieces(s3->s3->store, s3->arena, object->id, &completion->pieces,
                           &completion->piece_count, err);
}

/* What the client says of the whole must be so. */
static int check_whole(struct s3_call *s3, const struct completion *completion, const char *checksum,
                       struct error *err)
{
    const char *size = s3_header(s3, "x-amz-mp-object-size");
    const char *said = completion->checksum ? s3_header(s3, completion->checksum) : NULL;
    int64_t expected;
    if (size &&
        (text_number(size, 0, INT64_MAX, "size", &expected, NULL) < 0 || expected != completion->size))
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The provided 'x-amz-mp-object-size' header does not match what was computed.");
    if (said && !text_equal(said, checksum))
        return s3_fail(s3, err, 400, "BadDigest",
                       "The %s you specified did not match the calculated checksum.", completion->checksum);
    return 0;
}

static int describe(struct s3_call *s3, struct s3_object *object, const struct completion *completion,
                    const char **checksum, struct error *err)
{
    *checksum = completion->whole_checksum;
    if (completion->checksum && completion->composite)
        *checksum = arena_format(
            s3->arena, "%s-%zu",
            digests_value(&completion->checksums, s3->arena, completion->checksum, false), completion->count);
    if (check_whole(s3, completion, *checksum, err) < 0)
        return -1;
    s3_object_set_header(s3, object, "x-amz-checksum-algorithm", NULL);
    if (*checksum)
        s3_object_set_header(s3, object, completion->checksum, *checksum);
    object->etag = arena_format(s3->arena, "%s-%zu", digests_value(&completion->md5, s3->arena, "md5", true),
                                completion->count);
    object->version = s3_new_version(s3);
    object->size = completion->size;
    object->modified_ms = clock_now_ms();
    return 0;
}

static int store(struct s3_call *s3, const struct s3_object *object, const struct completion *completion,
                 struct error *err)
{
    struct s3_expectation expected;
    struct error why = {0};
    if (s3_put_expectation(s3, &expected, err) < 0)
        return -1;
    if (s3_store_upload_complete(s3->s3->store, object, completion->chosen, completion->count, &expected,
                                 &why) == 0)
        return s3_check_bucket_remains(s3, err);
    if (why.kind == ERROR_INVALID)
        return s3_fail(s3, err, 400, "InvalidPart", "%s", why.message);
    struct s3_object upload;
    if (why.kind == ERROR_NOT_FOUND && s3_find_upload(s3, &upload, err) < 0)
        return -1;
    return s3_precondition_failed(s3, &why, err);
}

int s3_complete_upload(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct completion *completion;
    struct s3_object object;
    unsigned char data_key[SEGMENT_KEY];
    const char *checksum;
    if (s3_find_upload(s3, &object, err) < 0 || open_completion(s3, &object, &completion, err) < 0 ||
        take_parts(s3, completion, err) < 0)
        return -1;
    /* As AWS: who completes must be allowed to decrypt. A customer's key need not be sent again. */
    if (s3_sealing_kind(&object.sealing) == S3_SEALED_BY_KMS &&
        s3_unseal(s3, &object.sealing, data_key, err) < 0)
        return -1;
    explicit_bzero(data_key, sizeof(data_key));
    if (describe(s3, &object, completion, &checksum, err) < 0 || store(s3, &object, completion, err) < 0)
        return -1;
    buffer_format(&xml,
                  S3_XML_HEAD "<CompleteMultipartUploadResult " S3_NAMESPACE "><Location>/%s/%s</Location>"
                              "<Bucket>%s</Bucket><Key>",
                  s3->bucket_name, percent_encode(s3->arena, s3->key, true), s3->bucket_name);
    buffer_xml(&xml, s3->key);
    buffer_format(&xml, "</Key><ETag>&quot;%s&quot;</ETag>", object.etag);
    s3_write_checksum(&xml, completion->checksum, checksum);
    if (checksum)
        buffer_format(&xml, "<ChecksumType>%s</ChecksumType>",
                      completion->composite ? "COMPOSITE" : "FULL_OBJECT");
    buffer_text(&xml, "</CompleteMultipartUploadResult>");
    s3_answer_version(s3, object.version);
    s3_answer_sealing(s3, &object.sealing);
    return s3_answer_xml(s3, &xml, err);
}
