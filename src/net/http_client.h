/* HTTP client over libcurl. A client holds connections open and is safe to use from several threads; each call is
 * synchronous with a deadline. Over TLS the server is known by its certificate: either the usual hostname check, or
 * `check_peer`, which sees the verified chain's leaf and may refuse before a byte is sent (Athenz identity). */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stdint.h>

struct http_client;

struct http_client_options {
    struct tls_context *tls;   /* our identity and trust; NULL: the system's trust (and AWS_CA_BUNDLE's, by `trust`) */
    const char *trust;         /* PEM file that replaces the trust when `tls` is NULL; may be NULL */
    /* When set, replaces the hostname check: the leaf's DER of a verified chain. -1 refuses. */
    int (*check_peer)(void *context, const gnutls_datum_t *certificate_der, struct error *err);
    void *context;
    const char *user_agent;
    const char *local_path; /* a socket of this machine to connect to, whatever the URL's host; may be NULL */
    bool probe; /* while we wait for an answer the connection is probed: a machine that vanished is noticed in 16 s */
    bool one_kept; /* a thread keeps its last connection only, not one to each server it called */
    bool no_proxy; /* ignore HTTPS_PROXY and friends, which are honoured otherwise */
};

int http_client_new(const struct http_client_options *options, struct http_client **client, struct error *err);
void http_client_free(struct http_client **client);

struct http_call {
    enum http_method method;
    const char *url;
    struct http_headers headers;  /* added as they are; a NULL value removes a default header */
    const void *body;             /* NULL with body_length 0: none */
    size_t body_length;
    int body_file;                /* > 0: the body is body_length bytes read from this descriptor's offset on */
    int timeout_ms;               /* whole call; 0 is 30 s */
    int connect_timeout_ms;       /* 0 is 5 s */
    size_t answer_limit;          /* 0 is 16 MiB; more is ERROR_INVALID */
    int answer_file;              /* > 0: a 2xx body is written there instead of to memory */
    struct sockaddr *source;      /* bind to this local address; may be NULL */
    bool (*goes_on)(void *context); /* asked about once a second: false gives the call up; may be NULL */
    void *going;                  /* its context */
    bool once;                    /* the connection is not kept: it would only be idle at both ends */
    void *check_context;          /* when set, given to check_peer in place of the client's context */
};

struct http_reply {
    int status;
    struct http_headers headers;
    char *body; /* NUL-terminated, in the arena */
    size_t length;
};

/* 0 when the server answered, whatever the status; ERROR_UNAVAILABLE when no answer came, ERROR_UNAUTHENTICATED when
 * the server is not who it should be. */
int http_call(struct http_client *client, const struct http_call *call, struct arena *arena,
              struct http_reply *reply, struct error *err);

/* The message of an error reply ({"message"} of Vespa and zts, or the status line), with the status's kind: -1 for
 * status >= 400, 0 otherwise. `what` (may be NULL) comes before the message. */
int http_reply_check(const struct http_reply *reply, const char *what, struct error *err);

struct http_form_part {
    const char *name, *filename, *content_type;
    const void *bytes;
    size_t length;
};
/* A multipart/form-data body; sets *content_type. In the arena. */
void http_form(struct arena *arena, const struct http_form_part *parts, size_t count, const char **content_type,
               char **body, size_t *length);

#endif
