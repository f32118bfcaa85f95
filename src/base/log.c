#include "base/log.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error", NULL};

static struct {
    const char *program;
    enum log_level lowest;
    bool json;
} settings = {.program = "", .lowest = LOG_LEVEL_INFO};

void log_open(const char *program, enum log_level lowest, bool json)
{
    settings.program = program;
    settings.lowest = lowest;
    settings.json = json;
}

int log_open_named(const char *program, const char *level, const char *form, struct error *err)
{
    if (!text_equal(form, "json") && !text_equal(form, "text"))
        return error_set(err, ERROR_INVALID, "--log is \"text\" or \"json\", not \"%s\"", form);
    for (int i = 0; level_names[i]; i++)
        if (text_equal(level_names[i], level)) {
            log_open(program, (enum log_level)i, text_equal(form, "json"));
            return 0;
        }
    return error_set(err, ERROR_INVALID, "--log-level is debug, info, warning or error, not \"%s\"", level);
}

/* Values with blanks or quotes are quoted; control characters never reach the terminal. */
static void append_value(struct buffer *line, const char *value)
{
    bool quote = !*value || strpbrk(value, " \"=\t\n\r");
    if (quote)
        buffer_text(line, "\"");
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buffer_format(line, "\\%c", *value);
        else if ((unsigned char)*value < 0x20 || *value == 0x7f)
            buffer_text(line, " ");
        else
            buffer_append(line, value, 1);
    }
    if (quote)
        buffer_text(line, "\"");
}

static void text_line(struct buffer *line, const char *time, enum log_level level, const char *event, va_list pairs)
{
    buffer_format(line, "%s %-7s %s %s", time, level_names[level], settings.program, event);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        const char *value = va_arg(pairs, const char *);
        if (!value)
            continue;
        buffer_format(line, " %s=", key);
        append_value(line, value);
    }
}

static json_t *json_string_lossy(const char *value)
{
    json_t *text = json_string(value);
    return text ? text : json_string("(not UTF-8)");
}

static void json_line(struct arena *arena, struct buffer *line, const char *time, enum log_level level,
                      const char *event, va_list pairs)
{
    json_t *object = json_object();
    json_object_set_new(object, "ts", json_string(time));
    json_object_set_new(object, "level", json_string(level_names[level]));
    json_object_set_new(object, "program", json_string(settings.program));
    json_object_set_new(object, "event", json_string_lossy(event));
    for (const char *key; (key = va_arg(pairs, const char *));) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            json_object_set_new(object, key, json_string_lossy(value));
    }
    buffer_text(line, json_text(arena, object));
    json_decref(object);
}

static void write_line(enum log_level level, const char *event, va_list pairs)
{
    if (level < settings.lowest)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer line = buffer_new(64 * 1024);
    const char *time = clock_rfc3339_ms(arena, clock_now_ms());
    if (settings.json)
        json_line(arena, &line, time, level, event, pairs);
    else
        text_line(&line, time, level, event, pairs);
    buffer_text(&line, "\n");
    /* One write, so that lines of threads and processes do not mix. */
    ssize_t written = write(STDERR_FILENO, buffer_string(&line), line.length);
    (void)written;
}

#define LOG_FUNCTION(name, level)                                                                            \
    void name(const char *event, ...)                                                                        \
    {                                                                                                        \
        va_list pairs;                                                                                       \
        va_start(pairs, event);                                                                              \
        write_line(level, event, pairs);                                                                     \
        va_end(pairs);                                                                                       \
    }

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
