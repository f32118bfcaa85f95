/* TLS contexts over GnuTLS that reload their certificate, key and trust from files when these change, so that a
 * refreshed identity is used without a restart. Files, because libcurl's GnuTLS backend takes nothing else.
 * TLS 1.2 and 1.3 only. Shared by servers (net/http_server.h) and clients (net/http_client.h). */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/error.h"

#include <gnutls/gnutls.h>

enum tls_client_certificates {
    TLS_CLIENT_NONE,    /* never asked for */
    TLS_CLIENT_ALLOWED, /* asked for; verified against the trust when given */
    TLS_CLIENT_REQUIRED,
};

struct tls_files {
    const char *certificate; /* PEM chain, leaf first; NULL for a client without identity */
    const char *key;         /* PEM */
    const char *trust;       /* PEM of the authorities peers must chain to */
};

struct tls_context;

/* Loads at once: ERROR_INVALID names the file that is bad. Paths are copied. */
int tls_context_new(const struct tls_files *files, enum tls_client_certificates clients, struct tls_context **context,
                    struct error *err);
void tls_context_free(struct tls_context **context);

/* Looks whether the files changed and loads them; a bad new pair is logged and the old one kept. Called by the
 * server per connection (cheap: one stat a second at most) and by whoever has just written new files. */
void tls_context_reload(struct tls_context *context);

const struct tls_files *tls_context_files(const struct tls_context *context);

/* Gives the session the current credentials; they stay alive until tls_session_release. */
struct tls_credentials;
struct tls_credentials *tls_session_prepare(struct tls_context *context, gnutls_session_t session);
void tls_session_release(struct tls_credentials *credentials);

#endif
