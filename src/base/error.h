/* One error object for everything that can fail. A function returns 0, or -1 with the reason written into the
 * `struct error *` that is its last argument. The kind says what sort of trouble it is and becomes an HTTP status
 * or an exit code in exactly one place; the message is for a person: what failed, on what, what to do about it.
 * A bug is an assertion, never an error. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

enum error_kind {
    ERROR_NONE,
    ERROR_INVALID,         /* the caller's input is wrong; the same call will fail again */
    ERROR_UNAUTHENTICATED, /* we do not know who is asking */
    ERROR_FORBIDDEN,       /* we know, and they may not */
    ERROR_NOT_FOUND,
    ERROR_CONFLICT,    /* the thing is not in a state that allows this */
    ERROR_THROTTLED,   /* slow down and try again */
    ERROR_UNAVAILABLE, /* a peer, disk or network failed; trying again may help */
    ERROR_INTERNAL,
};

struct error {
    enum error_kind kind;
    char code[64];      /* machine-readable reason, e.g. "INVALID_APPLICATION_PACKAGE"; may be empty */
    char message[1024]; /* one line; cut with "..." when longer */
};

/* Sets `err` (which may be NULL) and returns -1, so that `return error_set(...)` is the usual form. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": <strerror(errno)>" appended; errno is read first and kept. */
int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set with a machine-readable code. */
int error_code(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "context: " before the message that is there. Returns -1. */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kind's name in lower case, for logs. */
const char *error_kind_name(enum error_kind kind);

void error_clear(struct error *err);

#endif
