#include "base/clock.h"
#include "localaws/s3/call.h"

void s3_answer_header(struct s3_call *s3, const char *name, const char *value)
{
    if (value)
        http_respond_header(s3->call->request, name, value);
}

int s3_answer_empty(struct s3_call *s3, int status)
{
    http_respond(s3->call->request, status, NULL, NULL, 0);
    s3_answer_header(s3, "x-amz-request-id", s3->call->request_id);
    return 0;
}

int s3_answer_xml(struct s3_call *s3, const struct buffer *xml, struct error *err)
{
    if (xml->overflow)
        return error_set(err, ERROR_INTERNAL, "the answer is larger than this server sends");
    http_respond(s3->call->request, 200, "application/xml", buffer_string(xml), xml->length);
    s3_answer_header(s3, "x-amz-request-id", s3->call->request_id);
    return 0;
}

char *s3_time(struct arena *arena, int64_t ms)
{
    return clock_rfc3339_ms(arena, ms / 1000 * 1000);
}

void s3_write_key(struct s3_call *s3, struct buffer *xml, const char *element, const char *key)
{
    bool encoded = text_equal(s3_query(s3, "encoding-type"), "url");
    buffer_format(xml, "<%s>", element);
    buffer_xml(xml, encoded ? percent_encode(s3->arena, key, true) : key);
    buffer_format(xml, "</%s>", element);
}

/* S3's own ids of accounts are 64 hex digits. */
void s3_write_owner(struct buffer *xml, const char *element, const char *attributes, const char *account)
{
    buffer_format(xml, "<%s%s><ID>%064lld</ID><DisplayName>%s</DisplayName></%s>", element, attributes,
                  strtoll(account, NULL, 10), account, element);
}
