#include "net/tls.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_LARGEST = 1 << 20, LOOK_EVERY_MS = 1000, FILES = 3 };

/* One generation of certificate, key and trust. The key of session tickets belongs to it, so that a ticket outlives
 * neither the certificate nor the trust it was given under. */
struct tls_credentials {
    atomic_uint references;
    gnutls_certificate_credentials_t certificate;
    gnutls_datum_t ticket_key;
    enum tls_client_certificates clients;
};

/* What tells one version of a file from the next. */
struct file_version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct tls_context {
    char *paths[FILES];
    struct tls_files files;
    enum tls_client_certificates clients;
    pthread_mutex_t lock; /* all below */
    struct tls_credentials *current;
    struct file_version versions[FILES];
    int64_t looked_ms;
};

void tls_session_release(struct tls_credentials *credentials)
{
    if (!credentials || atomic_fetch_sub(&credentials->references, 1) != 1)
        return;
    gnutls_certificate_free_credentials(credentials->certificate);
    if (credentials->ticket_key.data) {
        gnutls_memset(credentials->ticket_key.data, 0, credentials->ticket_key.size);
        gnutls_free(credentials->ticket_key.data);
    }
    free(credentials);
}

static void release_credentials(struct tls_credentials **credentials)
{
    tls_session_release(*credentials);
    *credentials = NULL;
}

/* Runs during the handshake. A client that shows no certificate has been let through by GnuTLS only when none is
 * required. */
static int verify_client(gnutls_session_t session)
{
    unsigned count = 0, status = 0;
    if (!gnutls_certificate_get_peers(session, &count) || count == 0)
        return 0;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
        return GNUTLS_E_CERTIFICATE_ERROR;
    return status == 0 ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/* The PEM bytes may hold a private key: wiped when the arena goes. */
struct secret_text {
    char *bytes;
    size_t length;
};

static void wipe(void *object)
{
    struct secret_text *secret = object;
    explicit_bzero(secret->bytes, secret->length);
}

static int read_pem(struct arena *arena, const char *path, gnutls_datum_t *pem, struct error *err)
{
    struct secret_text *secret = arena_alloc(arena, sizeof *secret);
    if (file_read(arena, path, PEM_LARGEST, &secret->bytes, &secret->length, err) < 0)
        return -1;
    arena_defer(arena, wipe, secret);
    *pem = (gnutls_datum_t){.data = (unsigned char *)secret->bytes, .size = (unsigned)secret->length};
    return 0;
}

static int load_pair(struct arena *arena, const struct tls_files *files, gnutls_certificate_credentials_t credentials,
                     struct error *err)
{
    gnutls_datum_t certificate, key;
    if (read_pem(arena, files->certificate, &certificate, err) < 0 || read_pem(arena, files->key, &key, err) < 0)
        return -1;
    int result = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
    if (result < 0)
        return error_set(err, ERROR_INVALID, "certificate %s with key %s: %s", files->certificate, files->key,
                         gnutls_strerror(result));
    return 0;
}

static int load_trust(struct arena *arena, const char *path, gnutls_certificate_credentials_t credentials,
                      struct error *err)
{
    gnutls_datum_t trust;
    if (read_pem(arena, path, &trust, err) < 0)
        return -1;
    int count = gnutls_certificate_set_x509_trust_mem(credentials, &trust, GNUTLS_X509_FMT_PEM);
    if (count <= 0)
        return error_set(err, ERROR_INVALID, "trusted certificates %s: %s", path,
                         count < 0 ? gnutls_strerror(count) : "the file holds none");
    return 0;
}

static int load(const struct tls_context *context, struct tls_credentials **loaded, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(release_credentials) struct tls_credentials *credentials = memory_alloc(sizeof *credentials);
    atomic_init(&credentials->references, 1);
    credentials->clients = context->clients;
    if (gnutls_certificate_allocate_credentials(&credentials->certificate) < 0 ||
        gnutls_session_ticket_key_generate(&credentials->ticket_key) < 0)
        return error_set(err, ERROR_INTERNAL, "cannot make TLS credentials");
    if (context->files.certificate && load_pair(arena, &context->files, credentials->certificate, err) < 0)
        return -1;
    if (context->files.trust && load_trust(arena, context->files.trust, credentials->certificate, err) < 0)
        return -1;
    gnutls_certificate_set_verify_function(credentials->certificate, verify_client);
    *loaded = take(&credentials);
    return 0;
}

static void look(const struct tls_context *context, struct file_version versions[FILES])
{
    memset(versions, 0, FILES * sizeof *versions);
    for (int i = 0; i < FILES; i++) {
        struct stat status;
        if (context->paths[i] && stat(context->paths[i], &status) == 0) {
            versions[i].device = status.st_dev;
            versions[i].inode = status.st_ino;
            versions[i].size = status.st_size;
            versions[i].modified = status.st_mtim;
        }
    }
}

static bool same_versions(const struct file_version a[FILES], const struct file_version b[FILES])
{
    return memcmp(a, b, FILES * sizeof *a) == 0;
}

int tls_context_new(const struct tls_files *files, enum tls_client_certificates clients, struct tls_context **context,
                    struct error *err)
{
    if (files->certificate && !files->key)
        return error_set(err, ERROR_INVALID, "certificate %s needs its key", files->certificate);
    if (clients != TLS_CLIENT_NONE && !files->trust)
        return error_set(err, ERROR_INVALID, "client certificates need a file of trusted authorities");
    cleanup(tls_context_free) struct tls_context *made = memory_alloc(sizeof *made);
    pthread_mutex_init(&made->lock, NULL);
    made->paths[0] = memory_strdup(files->certificate);
    made->paths[1] = memory_strdup(files->key);
    made->paths[2] = memory_strdup(files->trust);
    made->files = (struct tls_files){made->paths[0], made->paths[1], made->paths[2]};
    made->clients = clients;
    look(made, made->versions);
    if (load(made, &made->current, err) < 0)
        return -1;
    made->looked_ms = clock_monotonic_ms();
    *context = take(&made);
    return 0;
}

void tls_context_free(struct tls_context **context)
{
    struct tls_context *old = *context;
    if (!old)
        return;
    tls_session_release(old->current);
    for (int i = 0; i < FILES; i++)
        free(old->paths[i]);
    pthread_mutex_destroy(&old->lock);
    free(old);
    *context = NULL;
}

/* With the lock held. Files that change while we read them are looked at again the next time; ones that are simply bad
 * are reported once. */
static void reload(struct tls_context *context)
{
    struct file_version before[FILES], after[FILES];
    look(context, before);
    if (same_versions(before, context->versions))
        return;
    struct tls_credentials *fresh = NULL;
    struct error err = {0};
    int result = load(context, &fresh, &err);
    look(context, after);
    bool steady = same_versions(before, after);
    if (steady)
        memcpy(context->versions, before, sizeof before);
    if (result < 0) {
        if (steady)
            log_warning("new TLS files are bad, the old ones stay in use", "reason", err.message, NULL);
        return;
    }
    tls_session_release(context->current);
    context->current = fresh;
    log_debug("TLS files reloaded", "certificate", context->files.certificate, NULL);
}

void tls_context_reload(struct tls_context *context)
{
    pthread_mutex_lock(&context->lock);
    reload(context);
    context->looked_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&context->lock);
}

const struct tls_files *tls_context_files(const struct tls_context *context)
{
    return &context->files;
}

static struct tls_credentials *current_credentials(struct tls_context *context)
{
    pthread_mutex_lock(&context->lock);
    int64_t now = clock_monotonic_ms();
    if (now - context->looked_ms >= LOOK_EVERY_MS) {
        context->looked_ms = now;
        reload(context);
    }
    struct tls_credentials *credentials = context->current;
    atomic_fetch_add(&credentials->references, 1);
    pthread_mutex_unlock(&context->lock);
    return credentials;
}

struct tls_credentials *tls_session_prepare(struct tls_context *context, gnutls_session_t session)
{
    static const gnutls_certificate_request_t requests[] = {
        [TLS_CLIENT_NONE] = GNUTLS_CERT_IGNORE,
        [TLS_CLIENT_ALLOWED] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_REQUIRED] = GNUTLS_CERT_REQUIRE,
    };
    static unsigned char protocol[] = "http/1.1";
    const gnutls_datum_t protocols = {.data = protocol, .size = sizeof protocol - 1};
    struct tls_credentials *credentials = current_credentials(context);
    gnutls_credentials_clear(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials->certificate);
    gnutls_certificate_server_set_request(session, requests[credentials->clients]);
    gnutls_session_ticket_enable_server(session, &credentials->ticket_key);
    gnutls_alpn_set_protocols(session, &protocols, 1, 0);
    return credentials;
}
