#include "identity/gnutls_support.h"

#include <string.h>

void datum_release(gnutls_datum_t *datum)
{
    gnutls_free(datum->data);
    datum->data = NULL;
    datum->size = 0;
}

void datum_wipe_release(gnutls_datum_t *datum)
{
    if (datum->data)
        explicit_bzero(datum->data, datum->size);
    datum_release(datum);
}

void pubkey_release(gnutls_pubkey_t *key)
{
    if (*key)
        gnutls_pubkey_deinit(take(key));
}

void privkey_release(gnutls_privkey_t *key)
{
    if (*key)
        gnutls_privkey_deinit(take(key));
}

void x509_privkey_release(gnutls_x509_privkey_t *key)
{
    if (*key)
        gnutls_x509_privkey_deinit(take(key));
}

void crt_release(gnutls_x509_crt_t *certificate)
{
    if (*certificate)
        gnutls_x509_crt_deinit(take(certificate));
}

void crq_release(gnutls_x509_crq_t *request)
{
    if (*request)
        gnutls_x509_crq_deinit(take(request));
}

int status_checked(int status, enum error_kind kind, const char *what, struct error *err)
{
    return status >= 0 ? 0 : error_set(err, kind, "%s: %s", what, gnutls_strerror(status));
}

gnutls_datum_t text_datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

char *datum_text(struct arena *arena, const gnutls_datum_t *datum)
{
    return arena_strndup(arena, (const char *)datum->data, datum->size);
}
