/* The region: every account and everything in it, under one lock. Modules (iam, kms, s3, ec2, elb, ...) each
 * own their tables and their file of this room; here is what they share: accounts, identifiers, the module
 * table by which state is saved and restored, and the call a handler gets.
 *
 * The lock protects every table. Handlers run with it held and do nothing slow under it; what takes time
 * (networks, machines, files) goes to the plane (plane.h) or is streamed (s3.c takes it only to look). It is
 * recursive, so that what one module offers another (call_authorize, kms_data_key, iam_..., region_resolve)
 * takes it itself and may be called with or without it. */
#ifndef LOCALAWS_REGION_H
#define LOCALAWS_REGION_H

#include "base/buffer.h"
#include "base/record.h"
#include "localaws/table.h"
#include "net/http_server.h"

#include <pthread.h>
#include <stdbool.h>

struct plane;
struct plane_callbacks;
struct trail;
struct faults;

struct account {
    char id[13];
    struct account *next;
    void *modules[16];  /* by struct module's slot: each module's tables of this account */
    uint64_t saved[16]; /* what of them was saved last, as digests: state.c's */
    bool unknown;       /* something of its resources changed, and nobody said what */
};

struct region {
    pthread_mutex_t lock;
    const char *name;            /* "us-east-1" */
    const char *directory;       /* state: volumes, objects, state.db */
    const char *api_address;     /* where instances reach the API: "2001:db8:ffff::1" */
    const char *certificate_pem; /* of the API endpoint's authority, for instances */
    const char *images_path;     /* the list of machine images; NULL: none */
    int64_t role_session_s;      /* how long the keys of an instance's role last */
    int64_t remembered_ms;       /* how long a terminated instance is shown */
    struct account *accounts;
    struct plane *plane;     /* NULL: records only (--no-plane) */
    struct http_server *api; /* the API's server while it runs: endpoints hand it their connections */
    const struct module *const *module_table;
    size_t module_count;
    void *modules[16];        /* region-wide tables */
    struct table access_keys; /* keys.h */
    struct access_key *unsaved_keys;
    struct identity_signer *identity_signer;
    struct state_saver *saver; /* writes what changed, soon after region_changed */
    unsigned changed_modules;  /* a bit for each slot, since the last save */
    struct calendar *calendar; /* does what is due by itself */
    struct trail *trail;       /* trail/trail.h; NULL: none is kept */
    struct faults *faults;     /* faults/faults.h; NULL: none can be given */
};

/* Where each module's tables are in `modules`. */
enum module_slot { MODULE_IAM, MODULE_KMS, MODULE_SSM, MODULE_S3, MODULE_EC2, MODULE_ELB, MODULE_ACM };

/* One AWS service's part of the region. Its resources (resource.h) are saved one by one as they change; the
 * rest of its tables as a whole: `save` gives a JSON value of an account's, `restore` takes it back. */
struct module {
    const char *name;
    enum module_slot slot;
    void (*account_created)(struct region *region,
                            struct account *account); /* NULL: tables are made when looked at */
    json_t *(*save)(struct region *region, struct account *account); /* NULL: nothing but resources */
    int (*restore)(struct region *region, struct account *account, json_t *state, struct error *err);
    void (*restored)(struct region *region); /* after every module of every account; may be NULL */
    const struct kind *const *kinds;         /* its resources' kinds, NULL-terminated; NULL: it has none */
};

struct account *region_account(struct region *region, const char *id); /* NULL when there is none */
struct account *region_account_create(struct region *region, const char *id);
/* "vpc" -> "vpc-0123456789abcdef0" (17 hex digits). In the arena. */
char *region_identifier(struct region *region, struct arena *arena, const char *prefix);
/* Something changed, and is saved within a quarter of a second. Whoever knows the one resource that
 * changed says that instead (resource_changed), and spares looking at everything. */
void region_changed(struct region *region);
/* As region_changed, for what is known to be this account's alone. */
void account_changed(struct region *region, struct account *account);
void region_open(struct region *region); /* makes its lock and sets what is 0 and has a default */
/* cleanup(region_unlock) struct region *locked = region;  with region_lock(locked) holds it to the end of the
 * block. */
void region_lock(struct region *region);
void region_unlock(struct region **region);

/* Who calls: found by access key, never by anything else the caller says. */
enum caller_kind { CALLER_ROOT, CALLER_USER, CALLER_ROLE, CALLER_SERVICE, CALLER_FEDERATED };
struct session_scope;
struct caller {
    enum caller_kind kind;
    struct account *account;
    const char
        *arn; /* arn:aws:iam::1:root, arn:aws:iam::1:user/x, arn:aws:sts::1:assumed-role/role/session */
    const char *principal_arn; /* of a session: the role's or user's ARN; else arn */
    const char *user_id, *access_key_id;
    const char *source_identity;       /* mostly NULL */
    int64_t session_began_ms;          /* of temporary keys; else 0 */
    const struct session_scope *scope; /* what narrows or marks a session (front/session.h); mostly NULL */
};

enum { TOUCHED_MOST = 4 };

/* One call, while it is answered. */
struct call {
    struct region *region;
    struct http_request *request;
    struct arena *arena;
    struct caller *caller;
    struct account *account;         /* caller's, for short */
    const struct service *interface; /* the service called */
    const char *service, *action;    /* "ec2", "RunInstances" */
    const char *request_id;
    const char *endpoint_id; /* of the VPC endpoint it came by; NULL: none */
    bool secure;             /* came over TLS, or on loopback (which counts as secure) */
    json_t *json;            /* body of json protocols */
    struct buffer answer;    /* XML or JSON text of the answer's inside, written by the handler */
    int status;              /* HTTP status of a refusal (call_fail's); 0: by the error's kind */
    /* What was signed for the body: its SHA-256 in hex (checked already, but S3 checks it itself while the
     * body streams), UNSIGNED-PAYLOAD or STREAMING-.... */
    const char *payload_hash;
    const struct call_signature
        *signature;                /* authenticate.h: by which the chunks of a body are signed, too */
    struct parameters *parameters; /* the dispatcher's, for call_parameter */
    void *state; /* S3's, between the pieces of a body; in `arena` or freed by arena_defer */

    /* For the audit trail: what of others it asked for, and whose key was named where nothing was proved. */
    struct touched {
        const char *arn, *owner;
    } touched[TOUCHED_MOST];
    size_t touched_count;
    const char *claimed_key;
    struct account *claimed_account;
    bool in_trail;

    /* What faults/ has in store for the answer: how late it is, and whether it comes at all. */
    int64_t late_ms;
    bool lost;
};

/* The call that belongs to a request, from before its body arrives: for s3_body_piece. */
struct call *call_of(struct http_request *request);
/* Answers with the error in the form of the call's protocol (S3's XML, ...), with call->status.
 * HTTP_ANSWERED. */
enum http_answer call_refuse(struct call *call, const struct error *err);

/* Query-protocol parameters; NULL when absent. */
const char *call_parameter(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool call_true(struct call *call, const char *name); /* "true" */
/* Fails with AWS's code and an HTTP status: `return call_fail(...)` gives -1. */
int call_fail(struct call *call, struct error *err, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The call is about a resource that has a policy of its own: a key, a bucket or object, a role to assume.
 * Told to the audit trail, its owner's too. The texts are copied. */
void call_touched(struct call *call, const char *arn, const char *owner);

/* May the caller do `action` ("ec2:RunInstances") on `resource` (an ARN or "*")? Conditions come from
 * `context` (pairs of key and value, NULL-terminated: "aws:RequestTag/zone", "dev.x", ...; may be NULL; a key
 * with several values, such as aws:TagKeys, is there once for each). -1 with AWS's
 * AccessDenied/UnauthorizedOperation when not. Provided by iam. */
int call_authorize(struct call *call, const char *action, const char *resource, const char *const *context,
                   struct error *err);

/* As call_authorize, for a resource of `owner` that has a policy of its own (a bucket; JSON text, NULL when
 * it has none). Inside an account either policy may allow; across accounts both must; a deny in either
 * refuses. */
int call_authorize_with_policy(struct call *call, const char *action, const char *resource, const char *owner,
                               const char *resource_policy, const char *const *context, struct error *err);
/* Is this text a resource policy we can decide by? ERROR_INVALID with MalformedPolicy when not. */
int resource_policy_check(const char *text, struct error *err);

/* A row of a service's action table. The dispatcher authorizes `service:action` on "*" first, unless
 * `own_authorization`: then the handler calls call_authorize itself with the resources it found. */
struct action {
    const char *name;
    int (*handler)(struct call *call, struct error *err);
    bool own_authorization;
    bool unlocked; /* its handler takes long: it runs without the region's lock */
};

enum protocol { PROTOCOL_EC2, PROTOCOL_QUERY, PROTOCOL_JSON, PROTOCOL_S3 };
struct service {
    const char *name;       /* SigV4's: "ec2", "iam", "sts", "elasticloadbalancing", "kms", "ssm" */
    const char *iam_prefix; /* "elasticloadbalancing" */
    enum protocol protocol;
    const char *xml_namespace;    /* of query protocols */
    const char *target_prefix;    /* of JSON: "TrentService" */
    const struct action *actions; /* ended by a NULL name */
};
extern const struct service acm_service, ec2_service, iam_service, sts_service, elb_service, kms_service,
    ssm_service, cloudtrail_service;
extern const struct module acm_module, ec2_module, iam_module, elb_module, kms_module, s3_module, ssm_module;

/* S3 is REST: its own routing over a raw request, with SigV4 already checked. Never under the region's lock.
 */
enum http_answer s3_handle(struct call *call);
http_body_piece s3_body_piece;
/* Refuses before the body is sent, for a client that waits to hear whether it should. */
int s3_begin(struct call *call, struct error *err);
/* What a request would be, whoever sent it: "GetObject"; NULL: nothing. */
const char *s3_action(struct call *call);

/* KMS, for the services that encrypt (S3, EBS). Fails as KMS would: disabled, deleted, refused to `caller`.
 * The plaintext key is 32 bytes. `via` is the calling service ("s3", "ec2") for kms:ViaService; the
 * encryption context is the text of a JSON object of texts, or NULL. A CALLER_SERVICE goes on using what it
 * was allowed to use for its owner: only the key's state can stop it. */
int kms_data_key(struct region *region, struct caller *caller, const char *via,
                 const char *key_id_or_alias_or_arn, const char *encryption_context,
                 unsigned char plaintext[32], struct arena *arena, char **key_arn, char **ciphertext_base64,
                 struct error *err);
int kms_unwrap(struct region *region, struct caller *caller, const char *via, const char *ciphertext_base64,
               const char *encryption_context, unsigned char plaintext[32], struct error *err);

/* What is due by itself: keys whose waiting is over are destroyed, others get new material; objects past
 * their days go. Provided by kms and s3, called by the calendar without the lock. */
void kms_carry_out(struct region *region);
void s3_carry_out(struct region *region);

/* IAM, for IMDS and services that act for a role. */
struct role_keys {
    const char *access_key_id, *secret_access_key, *session_token;
    int64_t expires_ms;
};
/* New keys for a session of the role behind an instance profile, session name = instance id;
 * for region->role_session_s.
 */
int iam_instance_role_keys(struct region *region, const char *account, const char *profile_arn,
                           const char *instance_id, struct arena *arena, struct role_keys *keys,
                           char **role_name, struct error *err);
/* New keys for the instance itself: the role aws:ec2-instance, which no policy can be attached to. */
void iam_instance_identity_keys(struct region *region, const char *account, const char *instance_id,
                                struct arena *arena, struct role_keys *keys);
int iam_find_instance_profile(struct region *region, struct account *account, const char *name_or_arn,
                              struct arena *arena, char **arn, char **id, char **role_arn, struct error *err);

/* The plane's questions, answered from EC2's and ELB's records; the context is the region. Provided by ec2.
 */
void ec2_plane_callbacks(struct region *region, struct plane_callbacks *callbacks);

/* What decisions about calls through a VPC endpoint need of it: its policy's text and its VPC. false when it
 * is gone. The lock is held. Provided by ec2. */
bool region_endpoint(struct region *region, const char *id, const char **policy, const char **vpc_id);

/* A name that the region's internet knows (a load balancer's DNS name): an address, in the arena, or NULL.
 * Takes the lock. Provided by elb. */
char *region_resolve(struct region *region, struct arena *arena, const char *name);

/* Ends commands and sessions, which hold machines and connections: before the server and the plane are
 * stopped. */
void ssm_stop(struct region *region);

/* The identity document's signatures, for IMDS: RSA-2048 over SHA-256 with the region's own certificate.
 * Base64 of the bare signature, and base64 (64 columns) of a PKCS#7 that holds the document. */
int identity_document_sign(struct region *region, struct arena *arena, const char *document, char **signature,
                           char **pkcs7, struct error *err);

#endif
