/* One S3 request while it is answered: what it asks for (a row of the route table), the bucket as it was when
 * the request came, and the body on its way in. Handlers are in the s3_*_calls.c files. */
#ifndef LOCALAWS_S3_CALL_H
#define LOCALAWS_S3_CALL_H

#include "base/text.h"
#include "localaws/region.h"
#include "localaws/s3/body.h"
#include "localaws/s3/buckets.h"

#define S3_NAMESPACE "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define S3_XML_HEAD  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

enum { S3_LONGEST_KEY = 1024, S3_LARGEST_ANSWER = 16 << 20 };

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

struct s3_call;
typedef int s3_handler(struct s3_call *s3, struct error *err);

struct s3_route {
    enum http_method method;
    enum s3_level level;
    const char *query;  /* the parameter that asks for it; NULL: none that asks for anything else */
    const char *name;   /* AWS's, for the audit trail */
    const char *action; /* IAM's; NULL: the handler authorizes by what the body names */
    s3_handler *handle; /* after the body; answers or fails */
    s3_handler *begin;  /* before the body, for those that stream it; else it is collected */
    enum s3_document document;
    const char *version_action; /* IAM's for a version that is named; NULL: none can be */
};

struct s3_call {
    struct call *call;
    struct arena *arena;
    struct s3_region *s3;
    const struct s3_route *route;
    const char *bucket_name, *key; /* decoded; "" when there is none */
    const char *version;           /* named; NULL: the current one */
    bool is_source;                /* of a copy: its customer's key is in headers of its own */
    struct s3_bucket bucket;       /* found already, unless it is to be created */
    struct s3_body *body;          /* NULL without one */
    void *work;                    /* the handler's, from begin to handle */
};

/* s3/request.c */
int s3_call_begin(struct call *call, const struct s3_route *routes, size_t route_count, struct s3_call **s3,
                  struct error *err);
/* What the request would be, whoever sent it; NULL: nothing. */
const char *s3_call_name(struct call *call, const struct s3_route *routes, size_t count);
const char *s3_query(struct s3_call *s3, const char *name);  /* decoded; NULL when absent */
const char *s3_header(struct s3_call *s3, const char *name); /* NULL when absent */
char *s3_arn(struct s3_call *s3, const char *key); /* of an object of the bucket; NULL: of the bucket */
/* May the caller do that in this bucket? By identity policies and the bucket's own. */
int s3_authorize(struct s3_call *s3, const char *action, const char *key, struct error *err);
/* Fails with S3's code. Shorthand for call_fail. */
#define s3_fail(s3, err, status, code, ...) call_fail((s3)->call, err, status, code, __VA_ARGS__)

/* s3/answer.c */
void s3_answer_header(struct s3_call *s3, const char *name,
                      const char *value); /* a NULL value adds nothing */
int s3_answer_empty(struct s3_call *s3, int status);
int s3_answer_xml(struct s3_call *s3, const struct buffer *xml, struct error *err);
char *s3_time(struct arena *arena, int64_t ms); /* 2026-01-02T03:04:05.000Z: whole seconds, as S3 has them */
/* A key in a listing: as it is, or percent-encoded when the client asked for encoding-type=url. */
void s3_write_key(struct s3_call *s3, struct buffer *xml, const char *element, const char *key);

/* `attributes` begins with a blank, or is "". */
void s3_write_owner(struct buffer *xml, const char *element, const char *attributes, const char *account);

/* What a call makes of its handlers, by file. */
extern s3_handler s3_list_buckets, s3_create_bucket, s3_head_bucket, s3_delete_bucket, s3_get_location;
extern s3_handler s3_get_document, s3_put_document, s3_delete_document, s3_get_fixed;
extern s3_handler s3_get_acl, s3_put_acl, s3_get_object_acl, s3_put_object_acl, s3_get_policy_status;
extern s3_handler s3_get_attributes;
extern s3_handler s3_list_objects, s3_list_objects_v2, s3_list_versions, s3_list_uploads;
extern s3_handler s3_begin_put_object, s3_put_object;
extern s3_handler s3_get_object, s3_head_object, s3_delete_object, s3_delete_objects;
extern s3_handler s3_get_tags, s3_put_tags, s3_delete_tags;
extern s3_handler s3_create_upload, s3_begin_upload_part, s3_upload_part, s3_complete_upload, s3_abort_upload,
    s3_list_parts;

#endif
