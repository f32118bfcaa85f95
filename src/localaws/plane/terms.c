/* How a listener speaks TLS: its certificates, the priorities of its security policy and the protocols it
 * knows. GnuTLS chooses the certificate by the name the client asks for, the first when none fits. Shared by
 * the connections that were begun with it. */
#include "localaws/plane/balance.h"

#include "base/memory.h"

#include <string.h>

enum { APPLICATIONS_MOST = 8 };

struct terms {
    atomic_int holders;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    gnutls_datum_t tickets, applications[APPLICATIONS_MOST];
    unsigned application_count;
};

struct terms *terms_hold(struct terms *terms)
{
    if (terms)
        atomic_fetch_add(&terms->holders, 1);
    return terms;
}

void terms_release(struct terms **place)
{
    struct terms *terms = take(place);
    if (!terms || atomic_fetch_sub(&terms->holders, 1) != 1)
        return;
    if (terms->credentials)
        gnutls_certificate_free_credentials(terms->credentials);
    if (terms->priorities)
        gnutls_priority_deinit(terms->priorities);
    gnutls_memset(terms->tickets.data, 0, terms->tickets.size);
    gnutls_free(terms->tickets.data);
    for (unsigned i = 0; i < terms->application_count; i++)
        free(terms->applications[i].data);
    free(terms);
}

static void take_applications(struct terms *terms, const struct plane_listener *wanted)
{
    for (const char *const *name = wanted->application;
         name && *name && terms->application_count < APPLICATIONS_MOST; name++)
        terms->applications[terms->application_count++] =
            (gnutls_datum_t){(unsigned char *)memory_strdup(*name), (unsigned)strlen(*name)};
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

int terms_new(const struct plane_listener *wanted, struct terms **terms, struct error *err)
{
    cleanup(terms_release) struct terms *made = memory_alloc(sizeof *made);
    atomic_init(&made->holders, 1);
    int status = gnutls_certificate_allocate_credentials(&made->credentials);
    for (size_t i = 0; status >= 0 && i < wanted->certificate_count; i++) {
        gnutls_datum_t chain = datum_of(wanted->certificates[i].chain_pem);
        gnutls_datum_t key = datum_of(wanted->certificates[i].key_pem);
        status = gnutls_certificate_set_x509_key_mem(made->credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
    }
    if (status >= 0)
        status = gnutls_priority_init(&made->priorities, wanted->priorities, NULL);
    if (status >= 0)
        status = gnutls_session_ticket_key_generate(&made->tickets);
    if (status < 0)
        return error_set(err, ERROR_INVALID, "TLS on port %d: %s", wanted->port, gnutls_strerror(status));
    take_applications(made, wanted);
    *terms = take(&made);
    return 0;
}

int terms_accept(struct terms *terms, int socket, gnutls_session_t *session)
{
    if (gnutls_init(session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        return -1;
    gnutls_transport_set_int(*session, socket);
    gnutls_certificate_server_set_request(*session, GNUTLS_CERT_IGNORE);
    gnutls_handshake_set_timeout(*session, GNUTLS_INDEFINITE_TIMEOUT);
    if (gnutls_priority_set(*session, terms->priorities) < 0 ||
        gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE, terms->credentials) < 0 ||
        gnutls_session_ticket_enable_server(*session, &terms->tickets) < 0)
        return -1;
    if (terms->application_count)
        gnutls_alpn_set_protocols(*session, terms->applications, terms->application_count,
                                  GNUTLS_ALPN_SERVER_PRECEDENCE);
    return 0;
}

static gnutls_certificate_credentials_t nobody; /* for sessions that show and verify nothing */
static pthread_once_t nobody_once = PTHREAD_ONCE_INIT;

static void make_nobody(void)
{
    gnutls_certificate_allocate_credentials(&nobody);
}

int terms_connect(int socket, const gnutls_datum_t *application, gnutls_session_t *session)
{
    pthread_once(&nobody_once, make_nobody);
    if (!nobody || gnutls_init(session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        return -1;
    gnutls_transport_set_int(*session, socket);
    gnutls_handshake_set_timeout(*session, GNUTLS_INDEFINITE_TIMEOUT);
    if (gnutls_set_default_priority(*session) < 0 ||
        gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE, nobody) < 0)
        return -1;
    if (application)
        gnutls_alpn_set_protocols(*session, application, 1, 0);
    return 0;
}
