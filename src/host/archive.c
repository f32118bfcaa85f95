#include "host/archive.h"

#include "aws/s3.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/compress.h"
#include "host/ledger.h"
#include "host/node.h"
#include "host/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PASS_EVERY_MS = 1000,
    RETRY_FIRST_MS = 2000,
    RETRY_MOST_MS = 60 * 1000,
    FILES_A_PASS = 50, /* of one node, before the next has its turn */
    PREFIX_LARGEST = 1024,
};

const char *const log_types[LOG_TYPES] = {"vespa", "access", "connection"};

/* What is known of one node's logs. */
struct source {
    struct source *next;
    char *label;
    struct archive_counts counts;
    bool finish; /* its writer is gone: archive_finish was called since the last pass */
    bool empty;  /* a pass after that found nothing left */
};

struct archive {
    struct agent *agent;
    struct ledger *ledger; /* the archive thread's */
    pthread_mutex_t lock;  /* protects sources */
    struct source *sources;
};

int archive_new(struct agent *agent, struct archive **archive, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct ledger *ledger = NULL;
    if (directory_make(agent_path(agent, arena, "archive"), 0700, err) < 0 ||
        ledger_open(agent_path(agent, arena, "archive/ledger.json"), &ledger, err) < 0)
        return -1;
    *archive = memory_alloc(sizeof **archive);
    **archive = (struct archive){.agent = agent, .ledger = ledger};
    pthread_mutex_init(&(*archive)->lock, NULL);
    return 0;
}

void archive_close(struct archive **archive)
{
    if (!*archive)
        return;
    for (struct source *source = (*archive)->sources, *next; source; source = next) {
        next = source->next;
        free(source->label);
        free(source);
    }
    ledger_close(&(*archive)->ledger);
    memory_free(archive);
}

/* With the lock held. Sources stay: there are as many as nodes this host ever had. */
static struct source *source_of(struct archive *archive, const char *label)
{
    for (struct source *source = archive->sources; source; source = source->next)
        if (text_equal(source->label, label))
            return source;
    struct source *source = memory_alloc(sizeof *source);
    *source = (struct source){.next = archive->sources, .label = memory_strdup(label)};
    archive->sources = source;
    return source;
}

struct archive_counts archive_counts(struct archive *archive, const char *label)
{
    pthread_mutex_lock(&archive->lock);
    struct archive_counts counts = source_of(archive, label)->counts;
    pthread_mutex_unlock(&archive->lock);
    return counts;
}

void archive_expect(struct archive *archive, const char *label)
{
    pthread_mutex_lock(&archive->lock);
    struct source *source = source_of(archive, label);
    source->finish = source->empty = false;
    pthread_mutex_unlock(&archive->lock);
}

bool archive_finish(struct archive *archive, const char *label, struct archive_counts *counts)
{
    pthread_mutex_lock(&archive->lock);
    struct source *source = source_of(archive, label);
    source->finish = true;
    bool empty = source->empty;
    *counts = source->counts;
    pthread_mutex_unlock(&archive->lock);
    return empty;
}

int node_logs_drain(struct node_pass *pass, struct error *err)
{
    struct archive_counts counts;
    if (!file_exists(pass->paths.logs) || archive_finish(pass->agent->archive, pass->paths.label, &counts))
        return 0;
    return error_set(err, ERROR_UNAVAILABLE, "logs of %s are still to be archived (%llu files)",
                     pass->node->hostname, (unsigned long long)counts.pending_files);
}

/* One node's logs during one pass. */
struct sweep {
    struct archive *archive;
    struct arena *arena;
    const char *label;
    const char *prefix; /* "<tenant>/<application>/<instance>/<cluster>/<host label>" */
    bool finish;
    struct archive_counts done; /* this pass's */
    int budget;
};

/* A directory of one type while it is swept. */
struct shelf {
    struct sweep *sweep;
    const char *type;
    int directory;
};

static char *object_key(struct shelf *shelf, const char *name)
{
    return arena_format(shelf->sweep->arena, "%s/logs/%s/%s%s", shelf->sweep->prefix, shelf->type, name,
                        text_ends(name, ".zst") ? "" : ".zst");
}

static bool is_archived(void *context, const char *name)
{
    struct shelf *shelf = context;
    return ledger_has(shelf->sweep->archive->ledger, object_key(shelf, name));
}

/* Only now can it be opened safely: it must still be a plain file of one name. */
static int open_log(int directory, const char *name, uint64_t *size, struct error *err)
{
    cleanup(file_close) int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open log %s", name);
    if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
        return error_set(err, ERROR_INVALID, "log %s is not a plain file", name);
    *size = (uint64_t)status.st_size;
    int opened = fd;
    fd = -1;
    return opened;
}

/* The compressed form waits in the state directory: the bucket wants its length first. */
static int put_object(struct shelf *shelf, int log, const char *key, bool compressed, uint64_t size,
                      struct error *err)
{
    struct agent *agent = shelf->sweep->archive->agent;
    const char *bucket = agent->config.archive_bucket;
    if (compressed)
        return s3_put_file(agent->aws, bucket, key, log, size, "application/zstd", NULL, NULL, err);

    const char *spool_path = agent_path(agent, shelf->sweep->arena, "archive/spool");
    cleanup(file_close) int spool = open(spool_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    uint64_t length = 0;
    if (spool < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", spool_path);
    if (compress_file(log, spool, &length, err) < 0)
        return -1;
    if (lseek(spool, 0, SEEK_SET) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "rewind %s", spool_path);
    int result = s3_put_file(agent->aws, bucket, key, spool, length, "application/zstd", NULL, NULL, err);
    if (ftruncate(spool, 0) < 0) /* no plain copy of the archive stays behind */
        log_warning("spool not emptied", "path", spool_path, NULL);
    return result;
}

static int archive_file(struct shelf *shelf, const char *name, struct error *err)
{
    struct sweep *sweep = shelf->sweep;
    const char *key = object_key(shelf, name);
    if (!ledger_has(sweep->archive->ledger, key)) {
        uint64_t size = 0;
        cleanup(file_close) int log = open_log(shelf->directory, name, &size, err);
        if (log < 0 || put_object(shelf, log, key, text_ends(name, ".zst"), size, err) < 0 ||
            ledger_add(sweep->archive->ledger, key, size, clock_now_ms(), err) < 0)
            return error_context(err, "archive %s", key);
        sweep->done.files++;
        sweep->done.bytes += size;
        log_info("log archived", "key", key, NULL);
    }
    if (unlinkat(shelf->directory, name, 0) < 0 && errno != ENOENT)
        return error_errno(err, ERROR_UNAVAILABLE, "remove archived log %s", name);
    return 0;
}

static void rotate_due(struct shelf *shelf, const struct log_file *files, size_t count)
{
    const struct settings *settings = &shelf->sweep->archive->agent->settings;
    struct rotation rotation = {settings->rotate_ms, settings->rotate_bytes, shelf->sweep->finish};
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        if (log_is_due(&files[i], &rotation, now) &&
            log_rotate(shelf->sweep->arena, shelf->directory, files[i].name, now, is_archived, shelf, &err) <
                0)
            log_warning("log not rotated", "label", shelf->sweep->label, "error", err.message, NULL);
    }
}

static int archive_rotated(struct shelf *shelf, const struct log_file *files, size_t count, struct error *err)
{
    struct sweep *sweep = shelf->sweep;
    int64_t settled = clock_now_ms() - sweep->archive->agent->settings.settle_ms;
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i].live)
            continue;
        bool turn = result == 0 && sweep->budget > 0 && (sweep->finish || files[i].changed_ms <= settled);
        if (turn) {
            sweep->budget--;
            result = archive_file(shelf, files[i].name, err);
        }
        if (!turn || result < 0) {
            sweep->done.pending_files++;
            sweep->done.pending_bytes += files[i].size;
        }
    }
    return result;
}

static int sweep_type(struct sweep *sweep, int logs, const char *type, struct error *err)
{
    cleanup(file_close) int directory = openat(logs, type, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return 0; /* a container may have removed it; there is nothing to archive then */
    struct shelf shelf = {sweep, type, directory};
    struct log_file *files = NULL;
    size_t count = 0;
    if (log_directory_list(sweep->arena, directory, &files, &count, err) < 0)
        return -1;
    rotate_due(&shelf, files, count);
    if (log_directory_list(sweep->arena, directory, &files, &count, err) < 0)
        return -1;
    return archive_rotated(&shelf, files, count, err);
}

static int sweep_node(struct sweep *sweep, struct error *err)
{
    struct node_paths paths;
    char *prefix = NULL;
    size_t length = 0;
    node_paths_of(sweep->archive->agent, sweep->arena, sweep->label, &paths);
    if (file_read(sweep->arena, paths.archive_prefix, PREFIX_LARGEST, &prefix, &length, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1; /* it has not begun to log */
    sweep->prefix = text_trim(sweep->arena, prefix);
    cleanup(file_close) int logs = open(paths.logs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (logs < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", paths.logs);
    int result = 0;
    for (size_t i = 0; i < LOG_TYPES; i++) /* all of them, so that what is pending is counted */
        if (sweep_type(sweep, logs, log_types[i], result < 0 ? NULL : err) < 0)
            result = -1;
    return result;
}

static int archive_node(struct archive *archive, const char *label, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    pthread_mutex_lock(&archive->lock);
    bool finish = source_of(archive, label)->finish;
    pthread_mutex_unlock(&archive->lock);

    struct sweep sweep = {
        .archive = archive, .arena = arena, .label = label, .finish = finish, .budget = FILES_A_PASS};
    int result = sweep_node(&sweep, err);

    pthread_mutex_lock(&archive->lock);
    struct source *source = source_of(archive, label);
    source->counts.files += sweep.done.files;
    source->counts.bytes += sweep.done.bytes;
    source->counts.failures += result < 0;
    source->counts.pending_files = sweep.done.pending_files;
    source->counts.pending_bytes = sweep.done.pending_bytes;
    source->empty = finish && source->finish && result == 0 && sweep.done.pending_files == 0;
    pthread_mutex_unlock(&archive->lock);
    return result;
}

/* Every node with a directory, in the spec or not: what was logged is archived, whoever still wants it. */
int archive_sweep(struct archive *archive, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    DIR *stream = opendir(agent_path(archive->agent, arena, "nodes"));
    int result = 0;
    for (struct dirent *entry; stream && (entry = readdir(stream));)
        if (entry->d_name[0] != '.' && archive_node(archive, entry->d_name, err) < 0)
            result = -1;
    if (stream)
        closedir(stream);
    return result;
}

void *archive_thread(void *context)
{
    struct agent *agent = context;
    struct backoff backoff = {.first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS};
    agent_wait_for(agent, FACT_FIREWALL);
    for (;;) {
        struct error err = {0};
        if (archive_sweep(agent->archive, &err) == 0) {
            backoff_reset(&backoff);
            clock_sleep_ms(PASS_EVERY_MS);
        } else {
            log_warning("logs stay on disk for now", "error", err.message, NULL);
            clock_sleep_ms(backoff_next(&backoff, agent->config.hostname));
        }
    }
}
