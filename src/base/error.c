#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_message(struct error *err, const char *format, va_list args)
{
    int length = vsnprintf(err->message, sizeof err->message, format, args);
    if (length >= (int)sizeof err->message)
        memcpy(err->message + text_cut(err->message, sizeof err->message - 4), "...", 4);
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    err->kind = kind;
    err->code[0] = '\0';
    write_message(err, format, args);
    va_end(args);
    return -1;
}

int error_code(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    err->kind = kind;
    snprintf(err->code, sizeof err->code, "%s", code);
    write_message(err, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
{
    int saved = errno;
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    err->kind = kind;
    err->code[0] = '\0';
    write_message(err, format, args);
    va_end(args);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof err->message - length, ": %s", strerror(saved));
    errno = saved;
    return -1;
}

int error_context(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    struct error old = *err;
    va_list args;
    va_start(args, format);
    write_message(err, format, args);
    va_end(args);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof err->message - length, ": %s", old.message);
    return -1;
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",           [ERROR_INVALID] = "invalid",
        [ERROR_UNAUTHENTICATED] = "unauthenticated", [ERROR_FORBIDDEN] = "forbidden",
        [ERROR_NOT_FOUND] = "not found", [ERROR_CONFLICT] = "conflict",
        [ERROR_THROTTLED] = "throttled", [ERROR_UNAVAILABLE] = "unavailable",
        [ERROR_INTERNAL] = "internal",
    };
    return names[kind];
}

void error_clear(struct error *err)
{
    if (err)
        *err = (struct error){0};
}
