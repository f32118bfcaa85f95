#include "logs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/record.h"
#include "base/text.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct log {
    pthread_mutex_t lock; /* protects fd: lines are whole */
    char *path;
    int fd;
};

enum { VESPA, ACCESS, CONNECTION, LOGS };

struct logs {
    const char *hostname, *service;
    struct log log[LOGS];
};

static const struct {
    const char *directory, *name;
} places[LOGS] = {
    [VESPA] = {"vespa", "vespa.log"},
    [ACCESS] = {"access", "access.log"},
    [CONNECTION] = {"connection", "connection.log"},
};

int logs_open(const char *directory, const char *hostname, const char *service, struct logs **logs,
              struct error *err)
{
    struct logs *opened = memory_alloc(sizeof *opened);
    opened->hostname = memory_strdup(hostname);
    opened->service = service;
    *logs = opened;
    for (int i = 0; i < LOGS; i++) {
        cleanup(memory_free) char *place = memory_format("%s/%s", directory, places[i].directory);
        opened->log[i].path = memory_format("%s/%s", place, places[i].name);
        opened->log[i].fd = -1;
        pthread_mutex_init(&opened->log[i].lock, NULL);
        if (directory_make(place, 0750, err) < 0)
            return error_context(err, "logs");
    }
    return 0;
}

static bool still_has_its_name(const struct log *log)
{
    struct stat by_name, by_descriptor;
    return log->fd >= 0 && stat(log->path, &by_name) == 0 && fstat(log->fd, &by_descriptor) == 0 &&
           by_name.st_ino == by_descriptor.st_ino && by_name.st_dev == by_descriptor.st_dev;
}

/* A log that cannot be written must not stop the service: the line is lost, and standard error says so. */
static void write_line(struct log *log, const char *line, size_t length)
{
    pthread_mutex_lock(&log->lock);
    if (!still_has_its_name(log)) {
        file_close(&log->fd);
        log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    }
    if (log->fd < 0 || file_write_all(log->fd, line, length, NULL) < 0)
        fprintf(stderr, "album-search: cannot write %s\n", log->path);
    pthread_mutex_unlock(&log->lock);
}

static void write_json(struct log *log, json_t *json)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *line = arena_format(arena, "%s\n", json_text(arena, json));
    write_line(log, line, strlen(line));
    json_decref(json);
}

void logs_vespa(struct logs *logs, const char *level, const char *component, const char *format, ...)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    va_list args;
    va_start(args, format);
    char *message = arena_vformat(arena, format, args);
    va_end(args);
    for (char *byte = message; *byte; byte++) /* a message is one field of one line */
        if (*byte == '\t' || *byte == '\n')
            *byte = ' ';
    int64_t now = clock_now_ms();
    const char *line = arena_format(arena, "%lld.%03d000\t%s\t%d/%d\t%s\t%s\t%s\t%s\n",
                                    (long long)(now / 1000), (int)(now % 1000), logs->hostname, getpid(),
                                    gettid(), logs->service, component, level, message);
    write_line(&logs->log[VESPA], line, strlen(line));
}

/* What a client sent, made fit for JSON: nobody stays out of the log by bad UTF-8. */
static const char *loggable(struct arena *arena, const char *text)
{
    if (!text)
        return "";
    return text_utf8(text, strlen(text)) ? text : percent_encode(arena, text, true);
}

void logs_access(struct logs *logs, struct http_request *request, const char *principal, int status,
                 size_t answer_bytes, int64_t begun_ms)
{
    struct arena *arena = http_request_arena(request);
    int64_t now = clock_now_ms();
    json_t *line = json_pack("{s:s, s:f, s:f, s:I, s:i, s:s, s:s, s:s, s:s, s:i}", "ip",
                             http_request_address_text(request), "time", (double)begun_ms / 1000, "duration",
                             (double)(now - begun_ms) / 1000, "responsesize", (json_int_t)answer_bytes,
                             "code", status, "method", http_method_name(http_request_method(request)), "uri",
                             loggable(arena, http_request_target(request)), "version", "HTTP/1.1", "agent",
                             loggable(arena, http_request_header(request, "User-Agent")), "localport", 4443);
    if (principal)
        json_object_set_new(line, "user-principal", json_string(principal));
    write_json(&logs->log[ACCESS], line);
}

void logs_connection(struct logs *logs, const char *peer_address, int peer_port)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    write_json(&logs->log[CONNECTION],
               json_pack("{s:s, s:s, s:s, s:i, s:i}", "id", random_uuid(arena), "timestamp",
                         clock_rfc3339_ms(arena, clock_now_ms()), "peerAddress", peer_address, "peerPort",
                         peer_port, "localPort", 4443));
}
