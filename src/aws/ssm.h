/* Systems Manager as direct access needs it: a document run on an instance, and the session that a client
 * goes through. The session's data channel is aws/session_stream.h over a WebSocket. */
#ifndef AWS_SSM_H
#define AWS_SSM_H

#include "aws/client.h"

struct ssm_result {
    const char *status; /* "Success", "Failed", "TimedOut", ... */
    int64_t code;       /* exit status */
    const char *output, *errors;
};
/* Runs the Command document on the instance and waits for its end, at most `timeout_s`. `parameters`
 * ({"name":
 * ["value"]}, taken over) are what the document asks for. 0 when it ran, whatever came of it. */
int ssm_run(struct aws_client *client, struct arena *arena, const char *document, const char *instance_id,
            json_t *parameters, int timeout_s, struct ssm_result *result, struct error *err);

struct ssm_session {
    const char *id, *token, *url; /* the token is a secret */
};
int ssm_start_session(struct aws_client *client, struct arena *arena, const char *instance_id,
                      const char *document, json_t *parameters, const char *reason,
                      struct ssm_session *session, struct error *err);
int ssm_resume_session(struct aws_client *client, struct arena *arena, const char *id,
                       struct ssm_session *session, struct error *err);
int ssm_terminate_session(struct aws_client *client, struct arena *arena, const char *id, struct error *err);

/* Carries bytes between two descriptors and the session until one side ends it: `input` ended, or the session
 * did. 0 at a proper end. A connection that is lost is made anew. */
int ssm_session_carry(struct aws_client *client, const struct ssm_session *session, int input, int output,
                      struct error *err);

#endif
