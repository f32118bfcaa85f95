/* Child processes: an argv array, never a shell; output captured up to a limit; a deadline after which the child
 * gets SIGTERM and then SIGKILL. Secrets go by standard input or file, never by argument. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process {
    const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *environment; /* NULL-terminated "KEY=value" that are added or replaced; may be NULL */
    bool environment_alone;         /* the child sees those, and nothing of ours */
    int death_signal; /* sent to the child when the thread that started it ends, however it ends; 0 is none */
    const char *directory;          /* working directory; NULL keeps ours */
    const char *input;              /* fed to standard input; NULL is /dev/null */
    size_t input_length;
    int timeout_ms;          /* 0 is 10 minutes */
    size_t output_limit;     /* 0 is 1 MiB; more is dropped */
    int network_namespace;   /* descriptor of a network namespace to enter first; 0 or less keeps ours */
    void (*line)(void *context, const char *line); /* each output line as it comes; may be NULL */
    void *context;
};

/* Runs and waits. `output` (may be NULL) gets stdout and stderr together, in the arena. A non-zero exit is
 * ERROR_INTERNAL with the program's name, its exit status and the last line it wrote. */
int process_run(const struct process *process, struct arena *arena, char **output, struct error *err);

/* Starts `process` in a session of its own with output appended to `log_path` (NULL: /dev/null); `*pid` is ours to
 * wait for. */
int process_start(const struct process *process, const char *log_path, pid_t *pid, struct error *err);

/* As process_start, with the output to a descriptor, which stays the caller's. */
int process_start_to(const struct process *process, int output, pid_t *pid, struct error *err);

/* SIGTERM, wait up to `grace_ms`, SIGKILL; reaps when it is our child. */
void process_stop(pid_t pid, int grace_ms);

#endif
