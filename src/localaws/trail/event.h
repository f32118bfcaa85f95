/* One event in the shape of CloudTrail's records (eventVersion 1.11), written from what is known of a call or
 * of a service's use of another. */
#ifndef LOCALAWS_EVENT_H
#define LOCALAWS_EVENT_H

#include "base/buffer.h"
#include "localaws/region.h"

struct event {
    struct region *region;
    const struct caller *caller; /* NULL: nobody proved to be the one they say */
    const char *claimed_key;     /* then: the access key they named */
    const char *account;         /* whose call it is */
    const char *service, *action;
    const char
        *invoked_by; /* "s3.amazonaws.com" when a service calls for the caller; NULL: the caller does */
    const char *source, *user_agent;
    const char *request_id;
    const char *code, *message; /* NULL: it was done */
    const char *tls_version, *tls_suite, *host;
    struct call *call;  /* what was asked and answered; NULL when a service asked: */
    json_t *parameters; /* what it asked, or NULL */
    bool shows_answer, presigned;
    const struct event_resource {
        const char *type, *arn, *owner;
    } * resources;
    size_t resource_count;
};

/* As `recipient` sees it; `id` is the event's, `shared` that of its twin in another account or NULL. */
void event_write(struct buffer *out, const struct event *event, const char *recipient, const char *id,
                 const char *shared);

bool event_is_read_only(const char *service, const char *action);
/* Calls on objects: CloudTrail's data events, which its event history leaves out. */
bool event_is_data(const char *service, const char *action);

#endif
