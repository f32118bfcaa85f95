#include "identity/certificate_names.h"

#include "base/text.h"
#include "identity/gnutls_support.h"

#include <arpa/inet.h>
#include <string.h>

enum { NAME_BYTES_MOST = 1024, ALTERNATIVES_MOST = 4 * CERTIFICATE_NAMES_MOST };

/* GnuTLS's two families behind one face. */
struct bearer {
    void *object;
    int (*dn_read)(void *object, const char *oid, unsigned index, void *value, size_t *length);
    int (*alternative_read)(void *object, unsigned index, void *value, size_t *length, unsigned *kind);
    int (*dn_write)(void *object, const char *oid, const char *value);
    int (*alternative_write)(void *object, gnutls_x509_subject_alt_name_t kind, const void *value,
                             unsigned length);
    bool strict; /* unknown kinds of names are refused */
};

static int crt_dn_read(void *object, const char *oid, unsigned index, void *value, size_t *length)
{
    return gnutls_x509_crt_get_dn_by_oid(object, oid, index, 0, value, length);
}

static int crq_dn_read(void *object, const char *oid, unsigned index, void *value, size_t *length)
{
    return gnutls_x509_crq_get_dn_by_oid(object, oid, index, 0, value, length);
}

static int crt_alternative_read(void *object, unsigned index, void *value, size_t *length, unsigned *kind)
{
    return gnutls_x509_crt_get_subject_alt_name2(object, index, value, length, kind, NULL);
}

static int crq_alternative_read(void *object, unsigned index, void *value, size_t *length, unsigned *kind)
{
    return gnutls_x509_crq_get_subject_alt_name(object, index, value, length, kind, NULL);
}

static int crt_dn_write(void *object, const char *oid, const char *value)
{
    return gnutls_x509_crt_set_dn_by_oid(object, oid, 0, value, (unsigned)strlen(value));
}

static int crq_dn_write(void *object, const char *oid, const char *value)
{
    return gnutls_x509_crq_set_dn_by_oid(object, oid, 0, value, (unsigned)strlen(value));
}

static int crt_alternative_write(void *object, gnutls_x509_subject_alt_name_t kind, const void *value,
                                 unsigned length)
{
    return gnutls_x509_crt_set_subject_alt_name(object, kind, value, length, GNUTLS_FSAN_APPEND);
}

static int crq_alternative_write(void *object, gnutls_x509_subject_alt_name_t kind, const void *value,
                                 unsigned length)
{
    return gnutls_x509_crq_set_subject_alt_name(object, kind, value, length, GNUTLS_FSAN_APPEND);
}

static struct bearer certificate_bearer(gnutls_x509_crt_t certificate)
{
    return (struct bearer){certificate,  crt_dn_read,           crt_alternative_read,
                           crt_dn_write, crt_alternative_write, false};
}

static struct bearer request_bearer(gnutls_x509_crq_t request)
{
    return (struct bearer){request,      crq_dn_read,           crq_alternative_read,
                           crq_dn_write, crq_alternative_write, true};
}

/* A name with a control character, a NUL above all, reads differently to different readers. */
static bool is_plain(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
            return false;
    return length > 0;
}

static int read_dn(struct arena *arena, const struct bearer *bearer, const char *oid, const char *what,
                   const char **text, struct error *err)
{
    char value[NAME_BYTES_MOST], second[NAME_BYTES_MOST];
    size_t length = sizeof value, second_length = sizeof second;
    *text = NULL;
    int status = bearer->dn_read(bearer->object, oid, 0, value, &length);
    if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return 0;
    if (status_checked(status, ERROR_INVALID, what, err) < 0)
        return -1;
    if (!is_plain(value, length))
        return error_set(err, ERROR_INVALID, "the %s holds control characters or nothing", what);
    if (bearer->dn_read(bearer->object, oid, 1, second, &second_length) !=
        GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return error_set(err, ERROR_INVALID, "more than one %s", what);
    *text = arena_strndup(arena, value, length);
    return 0;
}

static char *address_text(struct arena *arena, const void *bytes, size_t length)
{
    char text[INET6_ADDRSTRLEN];
    if (length != 4 && length != 16)
        return NULL;
    return arena_strdup(arena, inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text));
}

static int names_append(const char **list, const char *text, const char *what, struct error *err)
{
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST; i++) {
        if (!list[i]) {
            list[i] = text;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "more than %d %s", CERTIFICATE_NAMES_MOST, what);
}

static int add_alternative(struct arena *arena, const struct bearer *bearer, unsigned kind, const char *value,
                           size_t length, struct names *names, struct error *err)
{
    if (kind == GNUTLS_SAN_IPADDRESS) {
        char *address = address_text(arena, value, length);
        if (!address)
            return error_set(err, ERROR_INVALID, "an alternative name is an address of %zu bytes", length);
        return names_append(names->addresses, address, "alternative addresses", err);
    }
    if (kind != GNUTLS_SAN_DNSNAME && kind != GNUTLS_SAN_URI)
        return bearer->strict
                   ? error_set(err, ERROR_INVALID, "an alternative name is of a kind not used here")
                   : 0;
    if (!is_plain(value, length))
        return error_set(err, ERROR_INVALID, "an alternative name holds control characters or nothing");
    char *text = arena_strndup(arena, value, length);
    return kind == GNUTLS_SAN_DNSNAME ? names_append(names->dns, text, "alternative DNS names", err)
                                      : names_append(names->uris, text, "alternative URIs", err);
}

static int read_names(struct arena *arena, const struct bearer *bearer, struct names *names,
                      struct error *err)
{
    *names = (struct names){0};
    if (read_dn(arena, bearer, GNUTLS_OID_X520_COMMON_NAME, "common name", &names->common_name, err) < 0 ||
        read_dn(arena, bearer, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, "organizational unit",
                &names->organizational_unit, err) < 0)
        return -1;
    for (unsigned index = 0; index < ALTERNATIVES_MOST; index++) {
        char value[NAME_BYTES_MOST];
        size_t length = sizeof value;
        unsigned kind = 0;
        int status = bearer->alternative_read(bearer->object, index, value, &length, &kind);
        if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return 0;
        if (status_checked(status, ERROR_INVALID, "alternative name", err) < 0 ||
            add_alternative(arena, bearer, kind, value, length, names, err) < 0)
            return -1;
    }
    return error_set(err, ERROR_INVALID, "more than %d alternative names", ALTERNATIVES_MOST);
}

int names_of_certificate(struct arena *arena, gnutls_x509_crt_t certificate, struct names *names,
                         struct error *err)
{
    struct bearer bearer = certificate_bearer(certificate);
    return read_names(arena, &bearer, names, err);
}

int names_of_request(struct arena *arena, gnutls_x509_crq_t request, struct names *names, struct error *err)
{
    struct bearer bearer = request_bearer(request);
    return read_names(arena, &bearer, names, err);
}

static int write_texts(const struct bearer *bearer, gnutls_x509_subject_alt_name_t kind,
                       const char *const *list, struct error *err)
{
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && list[i]; i++) {
        int status = bearer->alternative_write(bearer->object, kind, list[i], (unsigned)strlen(list[i]));
        if (status_checked(status, ERROR_INVALID, list[i], err) < 0)
            return -1;
    }
    return 0;
}

static int write_addresses(const struct bearer *bearer, const char *const *list, struct error *err)
{
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && list[i]; i++) {
        unsigned char bytes[16];
        bool six = strchr(list[i], ':');
        if (inet_pton(six ? AF_INET6 : AF_INET, list[i], bytes) != 1)
            return error_set(err, ERROR_INVALID, "%s is not an IP address", list[i]);
        int status = bearer->alternative_write(bearer->object, GNUTLS_SAN_IPADDRESS, bytes, six ? 16 : 4);
        if (status_checked(status, ERROR_INVALID, list[i], err) < 0)
            return -1;
    }
    return 0;
}

static int write_names(const struct bearer *bearer, const struct names *names, struct error *err)
{
    if (names->common_name &&
        status_checked(bearer->dn_write(bearer->object, GNUTLS_OID_X520_COMMON_NAME, names->common_name),
                       ERROR_INVALID, names->common_name, err) < 0)
        return -1;
    if (names->organizational_unit &&
        status_checked(bearer->dn_write(bearer->object, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME,
                                        names->organizational_unit),
                       ERROR_INVALID, names->organizational_unit, err) < 0)
        return -1;
    if (write_texts(bearer, GNUTLS_SAN_DNSNAME, names->dns, err) < 0 ||
        write_texts(bearer, GNUTLS_SAN_URI, names->uris, err) < 0)
        return -1;
    return write_addresses(bearer, names->addresses, err);
}

int names_into_certificate(gnutls_x509_crt_t certificate, const struct names *names, struct error *err)
{
    struct bearer bearer = certificate_bearer(certificate);
    return write_names(&bearer, names, err);
}

int names_into_request(gnutls_x509_crq_t request, const struct names *names, struct error *err)
{
    struct bearer bearer = request_bearer(request);
    return write_names(&bearer, names, err);
}
