/* What happened in a simulated world, line by line: a hash of everything, by which two runs are compared, and
 * the last lines, which tell the story of what went wrong. */
#ifndef SIMULATOR_TRACE_H
#define SIMULATOR_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum { TRACE_KEPT = 400, TRACE_LONGEST = 240 };

struct trace {
    int64_t started_ms;
    uint64_t hash, count;
    bool prints; /* every line at once */
    struct trace_line {
        int64_t at_ms;
        char text[TRACE_LONGEST];
    } * lines; /* the last TRACE_KEPT, in a ring */
};
void trace_open(struct trace *trace, int64_t started_ms, bool prints);
void trace_close(struct trace *trace);
void trace_say(struct trace *trace, int64_t at_ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void trace_print_last(const struct trace *trace, uint64_t count);

/* "2d 03:04:05.678" since the start. */
void trace_time(const struct trace *trace, int64_t at_ms, char text[32]);

#endif
