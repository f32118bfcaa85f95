#include "base/clock.h"
#include "net/server.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void read_address(struct connection *connection, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        memcpy(&connection->address, address, sizeof(struct sockaddr_in6));
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&connection->address;
        inet_ntop(AF_INET6, &six->sin6_addr, connection->address_text, sizeof connection->address_text);
    } else if (address->sa_family == AF_INET) {
        memcpy(&connection->address, address, sizeof(struct sockaddr_in));
        const struct sockaddr_in *four = (const struct sockaddr_in *)&connection->address;
        inet_ntop(AF_INET, &four->sin_addr, connection->address_text, sizeof connection->address_text);
    } else {
        connection->address.ss_family = address->sa_family;
        snprintf(connection->address_text, sizeof connection->address_text, "local");
    }
}

/* The credentials are given per connection: a reloaded certificate serves the next one, and old ones stay alive until
 * the connections that use them have closed. */
static void *connection_open(struct listener *listener, struct MHD_Connection *mhd)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    atomic_init(&connection->references, 1);
    connection->server = listener->server;
    connection->listener = listener;
    connection->side = listener->side;
    connection->socket = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    read_address(connection, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    if (listener->tls) {
        gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        connection->secure = true;
        connection->credentials = tls_session_prepare(listener->tls, session);
    }
    const struct http_server_options *options = &listener->server->options;
    if (options->connected)
        options->connected(options->context, connection->socket);
    return connection;
}

void connection_release(struct connection *connection)
{
    if (atomic_fetch_sub(&connection->references, 1) != 1)
        return;
    const struct http_server_options *options = &connection->server->options;
    if (connection->peer && options->forget_peer)
        options->forget_peer(options->context, connection->peer);
    free(connection);
}

void connection_drop_unread(struct connection *connection)
{
    struct http_request *unread = take(&connection->unread);
    if (unread)
        request_release(unread);
}

static void connection_close(struct connection *connection)
{
    connection_drop_unread(connection);
    tls_session_release(connection->credentials);
    connection->credentials = NULL;
    connection_release(connection);
}

void connection_notify(void *listener, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = connection_open(listener, mhd);
    else if (*context)
        connection_close(take((struct connection **)context));
}

struct connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static int64_t expiry_ms(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return 0;
    time_t expires = 0;
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) >= 0)
        expires = gnutls_x509_crt_get_expiration_time(certificate);
    gnutls_x509_crt_deinit(certificate);
    return expires == (time_t)-1 ? 0 : (int64_t)expires * 1000;
}

void connection_note_tls(struct connection *connection, struct MHD_Connection *mhd)
{
    if (!connection->secure || connection->tls_version)
        return;
    gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    connection->tls_version = gnutls_protocol_get_name(gnutls_protocol_get_version(session));
    connection->tls_suite = gnutls_ciphersuite_get(session);
}

/* Once per connection: parsing the certificate for every request would halve the throughput. */
void connection_identify_peer(struct connection *connection, struct MHD_Connection *mhd)
{
    const struct http_server_options *options = &connection->server->options;
    if (connection->identified || !connection->secure || !options->identify_peer)
        return;
    connection->identified = true;
    gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (!chain || count == 0)
        return;
    connection->peer_expires_ms = expiry_ms(&chain[0]);
    connection->peer = options->identify_peer(options->context, &chain[0]);
}
