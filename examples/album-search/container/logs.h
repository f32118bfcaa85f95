/* The logs a Vespa container writes: vespa.log (tab-separated), the access log and the connection log (JSON
 * lines). Whoever rotates them renames the file; before each line it is looked whether the file still has its
 * name. */
#ifndef ALBUM_SEARCH_LOGS_H
#define ALBUM_SEARCH_LOGS_H

#include "net/http_server.h"

struct logs;

int logs_open(const char *directory, const char *hostname, const char *service, struct logs **logs,
              struct error *err);
/* Level as Vespa's: "info", "warning", "error". */
void logs_vespa(struct logs *logs, const char *level, const char *component, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void logs_access(struct logs *logs, struct http_request *request, const char *principal, int status,
                 size_t answer_bytes, int64_t begun_ms);
void logs_connection(struct logs *logs, const char *peer_address, int peer_port);

#endif
