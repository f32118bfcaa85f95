/* Going into a running machine, as an agent on it would: a program run with all of the machine's namespaces
 * as its root user, or a connection made from where its own programs make theirs. Used for sessions and
 * commands (ssm/). May be called from any thread that holds no lock; the plane's thread is asked where the
 * machine is. */
#ifndef LOCALAWS_PLANE_ENTER_H
#define LOCALAWS_PLANE_ENTER_H

#include "localaws/plane/plane.h"

#include <sys/types.h>

struct plane_program {
    const char *const *argv;        /* NULL-terminated; the first is a path in the machine */
    const char *const *environment; /* NULL-terminated "KEY=value", beside PATH, HOME and LANG; may be NULL */
    const char *directory;          /* where it runs; NULL: "/" */
    const char *script_path, *script; /* a file (0700, in a directory made 0700) written first; may be NULL */
    bool terminal;                    /* its three streams are one terminal of the machine's */
};

/* What runs, and our ends of its streams: the caller's to close, by plane_process_close. */
struct plane_process {
    pid_t pid;
    int handle;                /* pidfd: readable once it has ended */
    int input, output, errors; /* -1 when closed; of a terminal only `output`, for both ways */
};

/* ERROR_NOT_FOUND when the machine does not run. */
int plane_run_in_instance(struct plane *plane, const char *instance_id, const struct plane_program *program,
                          struct plane_process *process, struct error *err);
/* Ends the program and everything it started, in whatever session or group that is. */
void plane_process_end(const struct plane_process *process);
/* Waits for it. Its exit status, or -1 when a signal ended it. */
int plane_process_wait(struct plane_process *process);
void plane_process_close(struct plane_process *process); /* for cleanup(): ends it when it still runs */

/* A connected stream socket; `address` is a literal as the machine sees it ("127.0.0.1"). */
int plane_connect_in_instance(struct plane *plane, const char *instance_id, const char *address,
                              uint16_t port, int *socket, struct error *err);

#endif
