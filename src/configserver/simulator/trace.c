#include "configserver/simulator/trace.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

void trace_open(struct trace *trace, int64_t started_ms, bool prints)
{
    *trace = (struct trace){.started_ms = started_ms, .hash = 14695981039346656037u, .prints = prints};
    trace->lines = memory_array(TRACE_KEPT, sizeof *trace->lines);
}

void trace_close(struct trace *trace)
{
    free(trace->lines);
}

void trace_time(const struct trace *trace, int64_t at_ms, char text[32])
{
    int64_t ms = at_ms - trace->started_ms;
    snprintf(text, 32, "%lldd %02lld:%02lld:%02lld.%03lld", (long long)(ms / 86400000),
             (long long)(ms / 3600000 % 24), (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60),
             (long long)(ms % 1000));
}

static void print_line(const struct trace *trace, const struct trace_line *line)
{
    char time[32];
    trace_time(trace, line->at_ms, time);
    printf("%s %s\n", time, line->text);
}

static void mix(struct trace *trace, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        trace->hash = (trace->hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

void trace_say(struct trace *trace, int64_t at_ms, const char *format, ...)
{
    struct trace_line *line = &trace->lines[trace->count++ % TRACE_KEPT];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
    line->at_ms = at_ms;
    mix(trace, &at_ms, sizeof at_ms);
    mix(trace, line->text, length < TRACE_LONGEST ? (size_t)length : TRACE_LONGEST - 1);
    if (trace->prints)
        print_line(trace, line);
}

void trace_print_last(const struct trace *trace, uint64_t count)
{
    uint64_t most = trace->count < TRACE_KEPT ? trace->count : TRACE_KEPT;
    count = count < most ? count : most;
    for (uint64_t i = trace->count - count; i < trace->count; i++)
        print_line(trace, &trace->lines[i % TRACE_KEPT]);
}
