#include "localaws/trail/journal.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/trail/journal_file.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum {
    GATHER_MS = 100,
    WAITING_MOST = 16 << 20, /* bytes that wait for the disk, all accounts together */
    WAITED_MOST_S = 5,
    KEPT_MOST = 256 << 10, /* bytes of room that stay with an account between writes */
};

/* An account's part: what waits, and the file it goes to. */
struct account_journal {
    char account[13];
    struct buffer waiting, writing; /* the latter is the writer's alone */
    struct journal_file file;       /* as is this */
    struct account_journal *next;
};

struct journal {
    char *directory;
    int64_t keep_bytes;
    pthread_t writer;
    pthread_mutex_t lock; /* all that follows, but for the writer's own */
    pthread_cond_t wanted, written;
    struct account_journal *accounts;
    size_t waiting;
    uint64_t appended,
        on_disk; /* rounds of writing: what is appended in round n is there when on_disk is n */
    bool hurry, stopping;
};

static struct account_journal *account_of(struct journal *journal, const char *account)
{
    for (struct account_journal *at = journal->accounts; at; at = at->next)
        if (strcmp(at->account, account) == 0)
            return at;
    struct account_journal *made = memory_alloc(sizeof *made);
    strncpy(made->account, account, sizeof made->account - 1);
    made->waiting = made->writing = buffer_new(WAITING_MOST);
    made->file = (struct journal_file){.fd = -1};
    made->next = journal->accounts;
    journal->accounts = made;
    return made;
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t nanoseconds = at.tv_nsec + ms % 1000 * 1000000;
    return (struct timespec){.tv_sec = at.tv_sec + ms / 1000 + nanoseconds / 1000000000,
                             .tv_nsec = nanoseconds % 1000000000};
}

/* False when the disk did not make room in time. */
static bool wait_for_room(struct journal *journal, size_t length)
{
    struct timespec until = in_ms(WAITED_MOST_S * 1000);
    while (journal->waiting + length > WAITING_MOST)
        if (pthread_cond_timedwait(&journal->written, &journal->lock, &until) != 0)
            return false;
    return true;
}

void journal_append(struct journal *journal, const char *account, const char *line, size_t length)
{
    pthread_mutex_lock(&journal->lock);
    bool room = wait_for_room(journal, length + 1);
    if (room) {
        struct buffer *waiting = &account_of(journal, account)->waiting;
        if (!journal->waiting)
            pthread_cond_signal(&journal->wanted);
        buffer_append(waiting, line, length);
        buffer_append(waiting, "\n", 1);
        journal->waiting += length + 1;
    }
    pthread_mutex_unlock(&journal->lock);
    if (!room)
        log_error("an event is not in the audit trail: the disk is too slow", "account", account, NULL);
}

/* Waits until there is something to write, and for more of it to come; false when it is time to end. */
static bool gather(struct journal *journal)
{
    while (!journal->waiting && !journal->stopping && !journal->hurry)
        pthread_cond_wait(&journal->wanted, &journal->lock);
    struct timespec until = in_ms(GATHER_MS);
    while (!journal->stopping && !journal->hurry && journal->waiting < WAITING_MOST / 4)
        if (pthread_cond_timedwait(&journal->wanted, &journal->lock, &until) != 0)
            break;
    journal->hurry = false;
    return journal->waiting || !journal->stopping;
}

static void write_account(struct journal *journal, struct account_journal *account)
{
    struct error err = {0};
    if (journal_file_write(&account->file, journal->directory, account->account, account->writing.data,
                           account->writing.length, journal->keep_bytes, &err) < 0)
        log_error("events are lost: the audit trail cannot be written", "account", account->account, "error",
                  err.message, NULL);
    if (account->writing.capacity > KEPT_MOST)
        buffer_free(&account->writing); /* a rush has passed */
    else
        buffer_clear(&account->writing);
}

static void *write_waiting(void *context)
{
    struct journal *journal = context;
    pthread_mutex_lock(&journal->lock);
    while (gather(journal)) {
        uint64_t round = ++journal->appended;
        struct account_journal *first = journal->accounts;
        for (struct account_journal *at = first; at; at = at->next) {
            struct buffer emptied = at->writing;
            at->writing = at->waiting;
            at->waiting = emptied;
        }
        journal->waiting = 0;
        pthread_mutex_unlock(&journal->lock);
        for (struct account_journal *at = first; at; at = at->next)
            if (at->writing.length)
                write_account(journal, at);
        pthread_mutex_lock(&journal->lock);
        journal->on_disk = round;
        pthread_cond_broadcast(&journal->written);
    }
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

void journal_flush(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    uint64_t round = journal->appended + 1; /* the one that takes what waits now */
    journal->hurry = true;
    pthread_cond_signal(&journal->wanted);
    while (journal->on_disk < round)
        pthread_cond_wait(&journal->written, &journal->lock);
    pthread_mutex_unlock(&journal->lock);
}

char **journal_files(struct journal *journal, struct arena *arena, const char *account)
{
    return journal_file_list(arena, journal->directory, account);
}

int journal_open(const char *directory, int64_t keep_bytes, struct journal **opened, struct error *err)
{
    if (directory_make(directory, 0700, err) < 0)
        return error_context(err, "audit trail");
    struct journal *journal = memory_alloc(sizeof *journal);
    journal->directory = memory_strdup(directory);
    journal->keep_bytes = keep_bytes;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->wanted, &monotonic);
    pthread_cond_init(&journal->written, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&journal->writer, NULL, write_waiting, journal) != 0) {
        free(journal->directory);
        free(journal);
        return error_set(err, ERROR_UNAVAILABLE, "no thread to write the audit trail");
    }
    pthread_setname_np(journal->writer, "trail");
    *opened = journal;
    return 0;
}

void journal_close(struct journal **closed)
{
    struct journal *journal = *closed;
    if (!journal)
        return;
    pthread_mutex_lock(&journal->lock);
    journal->stopping = true;
    pthread_cond_signal(&journal->wanted);
    pthread_mutex_unlock(&journal->lock);
    pthread_join(journal->writer, NULL);
    for (struct account_journal *at = journal->accounts, *next; at; at = next) {
        next = at->next;
        buffer_free(&at->waiting);
        buffer_free(&at->writing);
        journal_file_close(&at->file);
        free(at);
    }
    free(journal->directory);
    free(journal);
    *closed = NULL;
}
