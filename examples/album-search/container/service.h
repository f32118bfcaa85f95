/* album-search: a small service that stands in for Vespa's containers where Vespa's image cannot be had. One
 * program, two roles: container nodes take documents and queries from clients and pass them on to content
 * nodes; content nodes keep documents in SQLite with full-text search. Its paths, answers and logs look like
 * Vespa's; its ranking does not try to. */
#ifndef ALBUM_SEARCH_SERVICE_H
#define ALBUM_SEARCH_SERVICE_H

#include "net/http_client.h"
#include "net/http_server.h"
#include "zone/node_config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DOCUMENT_LARGEST = 1 << 20,
    HITS_DEFAULT = 10,
    HITS_MOST = 400,
    OFFSET_MOST = 1000,
};

/* Who may call, as bits of the route tables. */
enum caller {
    CALLER_ANYONE = 1, /* no certificate needed */
    CALLER_CLIENT = 2, /* a certificate that clients.pem vouches for */
    CALLER_PEER = 4,   /* a node of the same application */
    CALLER_HOST = 8,   /* a host of the same tenant */
};

struct index;
struct logs;

struct service {
    const char *config_directory, *data_directory, *log_directory;
    const char *trust_path; /* whom TLS lets in: clients.pem and the zone's authority together */
    pthread_mutex_t lock;   /* protects config and followed */
    const struct node_config *config;
    const struct node_config *followed; /* the same, once all that hangs on it is loaded, too */
    char *config_text;                  /* the watching thread's */
    struct tls_context *tls, *peer_tls; /* as a server; as a client of other nodes */
    struct http_client *peers;
    struct index *index; /* of content nodes; NULL in containers */
    struct logs *logs;
    atomic_bool moved; /* of a retired content node: the others have its documents */
    atomic_ullong requests, failures, feeds, queries;
};

/* The checksum of the configuration that is in force in all its parts; NULL: none has a name. */
const char *service_follows(struct service *service);
/* The current configuration; stays valid, whatever comes later: configurations are few and none is freed. */
const struct node_config *service_config(struct service *service);
bool service_is_content(struct service *service);

/* follow.c: what its host's files say, read when they are new; and the thread that goes on looking. */
int follow_config(struct service *service, struct error *err);
int follow_trust(struct service *service, struct error *err);
void *follow_thread(void *service);

/* Route tables by role (container.c, content.c) and what both have (common.c). */
extern const struct http_route container_routes[], content_routes[];
extern const size_t container_route_count, content_route_count;
http_handler get_status, get_health, get_metrics;

void *move_thread(void *service); /* of content nodes (move.c) */

/* Who a certificate makes its holder; for the server's callbacks (access.c). */
void *caller_identify(void *service, const gnutls_datum_t *certificate_der);
void caller_forget(void *service, void *caller);
int caller_authorize(void *service, struct http_request *request, unsigned who, struct error *err);

/* Every answer of a handler goes through one of these two, which also write the access log. */
enum http_answer answer_json(struct http_request *request, int status,
                             json_t *json); /* takes the reference */
enum http_answer answer_error(struct http_request *request, const struct error *err);

/* A document's names, from the path /document/v1/{namespace}/{type}/docid/{id}. */
struct document_id {
    const char *space, *type, *id;
};
int document_id_of(struct http_request *request, struct document_id *id, struct error *err);
char *document_id_text(struct arena *arena, const struct document_id *id); /* "id:mynamespace:album::1" */
char *document_path(struct arena *arena, const struct document_id *id);    /* encoded, for requests */
json_t *document_answer(struct arena *arena,
                        const struct document_id *id); /* {"pathId", "id"}, a new reference */

/* A query, from the URL or a JSON body. */
struct query {
    const char *words;
    bool everything; /* "where true": all documents */
    int64_t hits, offset;
};
int query_of(struct http_request *request, struct query *query, struct error *err);

struct hit {
    const char *id;
    double relevance;
    json_t *fields; /* owned by the arena */
};
struct hits {
    struct hit *items;
    size_t count;
    int64_t total;
};
/* {"root": …} as Vespa answers; `offset` and `hits` cut the sorted list. `coverage` is percent of content
 * nodes. */
json_t *hits_answer(const struct hits *hits, const struct query *query, int coverage);
void hits_sort(struct hits *hits);

#endif
