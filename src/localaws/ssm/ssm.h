/* SSM: documents, commands that run in instances, sessions into them, and parameters. This region is its own
 * agent: what an SSM agent on the machine would do, localaws does from outside, by going into the machine's
 * namespaces (plane/enter.h) — but only into machines whose role would let an agent do it (managed.c).
 *
 * Files: document.c, content.c (what a Command document means); command.c, invocation.c, send.c, run.c;
 * session.c and what carries it; managed.c; parameter.c; service.c, the list of actions and what lasts. */
#ifndef LOCALAWS_SSM_H
#define LOCALAWS_SSM_H

#include "localaws/ec2/ec2.h"
#include "localaws/plane/plane.h"
#include "localaws/region.h"
#include "localaws/ssm/content.h"

#define SSM_AGENT_VERSION \
    "2.3.1644.0" /* of the agent we stand for: the last before several streams shared a session */

struct document_version {
    char *number, *name, *content;
    char *format; /* "YAML"; NULL: JSON */
    int64_t created_ms;
};
struct document {
    char *name, *type, *default_version;
    char *content; /* as one version alone was kept before; moved into `versions` when it is read */
    int64_t created_ms, next_version;
    struct document_version *versions;
    size_t version_count;
    struct tag *tags;
    size_t tag_count;
};

/* What became of one step on one instance. */
struct step_result {
    int64_t state; /* enum command_state */
    int64_t code, started_ms, ended_ms;
    char *output, *errors; /* as far as SSM keeps them */
};
enum command_state {
    COMMAND_PENDING,
    COMMAND_IN_PROGRESS,
    COMMAND_SUCCESS,
    COMMAND_FAILED,
    COMMAND_EXECUTION_TIMED_OUT,
    COMMAND_DELIVERY_TIMED_OUT,
    COMMAND_CANCELLED,
    COMMAND_CANCELLING,
    COMMAND_UNDELIVERABLE,
    COMMAND_TERMINATED, /* others had failed */
};
struct running;
struct invocation {
    char *instance_id, *instance_name;
    int64_t state;
    struct step_result *results;
    size_t result_count; /* as many as the command has steps, once it has begun */
    struct running *running;
};
struct command {
    char *id, *document, *version, *comment;
    char *parameters, *targets; /* JSON, as they were given */
    char *max_concurrency, *max_errors;
    int64_t requested_ms, timeout_s;
    struct step *steps;
    size_t step_count;
    struct invocation *invocations;
    size_t invocation_count;
};

enum session_kind { SESSION_SHELL, SESSION_PORT, SESSION_COMMAND };
struct session {
    char *id, *target, *document, *owner, *user_id, *reason;
    int64_t kind, started_ms, ended_ms; /* ended 0: active */
    int64_t port;                       /* of SESSION_PORT */
    char *port_type;                    /* "LocalPortForwarding", or NULL: one stream */
    char *command;                      /* of SESSION_COMMAND */
    struct channel *channel;            /* while active */
};

struct parameter {
    char *name, *type, *value, *description, *pattern, *data_type, *user;
    char *key, *key_arn, *wrapped_key; /* of a SecureString, whose value is sealed and in base64 */
    int64_t version, modified_ms;
    struct tag *tags;
    size_t tag_count;
};

/* An account's. */
struct ssm {
    struct table documents, parameters, commands, sessions;
};
struct ssm *ssm_of(const struct account *account);

/* service.c: what the actions share. */
void ssm_answer(struct call *call, json_t *json); /* takes the reference */
json_t *ssm_time(int64_t ms);                     /* seconds, as JSON protocols write times */
/* The items after NextToken, at most MaxResults (between 1 and `most`); "NextToken" is added to `answer` when
 * there are more. `key` names the member of an item by which it is told apart. */
int ssm_page(struct call *call, json_t *answer, const char *list, const char *key, size_t most,
             struct error *err);
json_t *ssm_tags(const struct tag *tags, size_t count);
int ssm_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err);
const char *ssm_arn(struct call *call, const char *type, const char *name);
int ssm_invalid(struct call *call, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Seconds between 1970 and now that a filter's "2026-01-02T03:04:05Z" means. */
int ssm_filter_time(struct call *call, const char *value, int64_t *ms, struct error *err);

/* document.c: by name or ARN, AWS's own among them; the call's action on it is authorized. The content is
 * that of `version` (NULL: the default), in JSON whatever it was written in; the text is what was written. */
struct document_found {
    const char *name, *type, *version, *content, *arn;
    const struct document *document; /* NULL: one of AWS's */
    const char *text, *format;       /* "JSON", "YAML" */
};
int document_find(struct call *call, const char *name, const char *version, const char *missing_code,
                  struct document_found *found, struct error *err);
void document_release(struct document *document);

/* managed.c */
enum managed_state { MANAGED_NOT, MANAGED_LOST, MANAGED_ONLINE };
/* Whether an agent on the instance would be connected: it runs, is a machine, and its role allows it. */
enum managed_state managed_state(struct instance *instance);
/* The condition keys of an instance's (and a document's) tags, and what else is given as pairs. */
const char *const *managed_context(struct call *call, const struct tag *tags, size_t count, const char *key,
                                   const char *value);

/* run.c: the agent. It begins what is pending and ends what has lasted too long, on a thread of its own. */
void agent_wake(struct region *region);
void command_cancel(struct invocation *invocation); /* of what is pending or runs */
bool command_ended(int64_t state);
void command_forget(struct command *command); /* releases it */

/* The actions, by file. */
typedef int ssm_handler(struct call *call, struct error *err);
ssm_handler create_document, update_document, update_document_default_version, delete_document,
    describe_document, describe_document_permission, get_document, list_documents, list_document_versions;
ssm_handler send_command;
ssm_handler cancel_command, get_command_invocation, list_commands, list_command_invocations;
ssm_handler describe_instance_information, get_connection_status;
ssm_handler start_session, resume_session, terminate_session, describe_sessions;
ssm_handler put_parameter, get_parameter, get_parameters, get_parameters_by_path, delete_parameter,
    delete_parameters, describe_parameters;
ssm_handler add_tags_to_resource, remove_tags_from_resource, list_tags_for_resource;

extern const struct record document_record, command_record, session_record, parameter_record;

#endif
