/* A command on one instance: its steps, one after the other, each a shell script run as the machine's root
 * user, as the SSM agent does it. On a thread of its own, without the region's lock but to begin and to tell.
 */
#include "localaws/ssm/agent.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/plane/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { OUTPUT_KEPT = 24000, ERRORS_KEPT = 8000, PIECE = 16384, STOPPED_CODE = 137 };

struct running {
    struct agent *agent;
    struct arena *arena;
    struct account *account;
    const char *command, *instance;
    struct step *steps;
    struct step_result *results;
    size_t step_count;
    int stop;       /* eventfd: it is cancelled */
    bool cancelled; /* the thread's own view of it */
};

/* --- text to keep -------------------------------------------------------------------------------- */

/* What JSON can carry of it: bytes that are no UTF-8 become "?". */
static char *readable(struct arena *arena, const struct buffer *bytes)
{
    char *text = arena_strndup(arena, buffer_string(bytes), bytes->length);
    memcpy(text, buffer_string(bytes), bytes->length);
    for (size_t at = 0; at < bytes->length;) {
        size_t length = 1;
        while (length < 4 && at + length < bytes->length && (text[at + length] & 0xc0) == 0x80)
            length++;
        if (!text_utf8(text + at, length)) {
            text[at] = '?';
            length = 1;
        }
        at += length;
    }
    return text;
}

static char *kept(struct arena *arena, const struct buffer *bytes, size_t most)
{
    static const char cut[] = "\n---Output truncated---";
    char *text = readable(arena, bytes);
    if (!bytes->overflow)
        return text;
    size_t length = most - strlen(cut);
    while (length && (text[length] & 0xc0) == 0x80)
        length--;
    return arena_format(arena, "%.*s%s", (int)length, text, cut);
}

/* A stream's bytes up to what is kept; the rest is read and dropped. */
static void drain(int *stream, struct buffer *bytes)
{
    char piece[PIECE];
    for (;;) {
        ssize_t got = *stream >= 0 ? read(*stream, piece, sizeof piece) : -1;
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR))
                file_close(stream);
            return;
        }
        size_t room = bytes->maximum - bytes->length;
        buffer_append(bytes, piece, (size_t)got < room ? (size_t)got : room);
        bytes->overflow |= (size_t)got > room;
    }
}

/* --- one step ------------------------------------------------------------------------------------ */

/* Until it has ended, or was ended: by its time or by being cancelled. */
static enum command_state watch(struct running *running, struct plane_process *process, int64_t until_ms,
                                struct buffer *output, struct buffer *errors)
{
    enum command_state ended_by = COMMAND_SUCCESS;
    for (;;) {
        bool told = ended_by != COMMAND_SUCCESS;
        int64_t left_ms = told ? -1 : until_ms - clock_monotonic_ms();
        struct pollfd polled[] = {{.fd = process->handle, .events = POLLIN},
                                  {.fd = process->output, .events = POLLIN},
                                  {.fd = process->errors, .events = POLLIN},
                                  {.fd = told ? -1 : running->stop, .events = POLLIN}};
        poll(polled, COUNT_OF(polled),
             told          ? -1
             : left_ms < 0 ? 0
                           : (int)(left_ms < 60000 ? left_ms : 60000));
        drain(&process->output, output);
        drain(&process->errors, errors);
        if (polled[0].revents)
            return ended_by;
        running->cancelled |= polled[3].revents != 0;
        if (!told && (running->cancelled || clock_monotonic_ms() >= until_ms)) {
            ended_by = running->cancelled ? COMMAND_CANCELLED : COMMAND_EXECUTION_TIMED_OUT;
            plane_process_end(process);
        }
    }
}

static int start(struct running *running, const struct step *step, struct plane_process *process,
                 struct error *err)
{
    struct arena *arena = running->arena;
    char *name = arena_strdup(arena, step->name);
    for (char *at = name; *at; at++)
        *at = *at == ':' ? '_' : *at;
    const char *path = arena_format(arena, "/var/lib/amazon/ssm/%s/document/orchestration/%s/%s/_script.sh",
                                    running->instance, running->command, name);
    const char *environment[] = {arena_format(arena, "AWS_SSM_INSTANCE_ID=%s", running->instance),
                                 arena_format(arena, "AWS_SSM_REGION_NAME=%s", running->agent->region->name),
                                 NULL};
    const char *const arguments[] = {"/bin/sh", "-c", path, NULL};
    const struct plane_program program = {.argv = arguments,
                                          .environment = environment,
                                          .directory = step->directory,
                                          .script_path = path,
                                          .script = step->script};
    return plane_run_in_instance(running->agent->region->plane, running->instance, &program, process, err);
}

static void run_step(struct running *running, const struct step *step, struct step_result *result)
{
    cleanup(buffer_free) struct buffer output = buffer_new(OUTPUT_KEPT);
    cleanup(buffer_free) struct buffer errors = buffer_new(ERRORS_KEPT);
    cleanup(plane_process_close) struct plane_process process = {
        .handle = -1, .input = -1, .output = -1, .errors = -1};
    struct error err = {0};
    result->started_ms = clock_now_ms();
    if (start(running, step, &process, &err) < 0) {
        result->state = COMMAND_FAILED;
        result->code = -1;
        result->errors = arena_strdup(running->arena, err.message);
    } else {
        file_close(&process.input);
        fcntl(process.output, F_SETFL, O_NONBLOCK);
        fcntl(process.errors, F_SETFL, O_NONBLOCK);
        enum command_state ended_by =
            watch(running, &process, clock_monotonic_ms() + step->timeout_s * 1000, &output, &errors);
        int code = plane_process_wait(&process);
        result->code = ended_by == COMMAND_SUCCESS ? code : STOPPED_CODE;
        result->state = ended_by == COMMAND_SUCCESS && code != 0 ? COMMAND_FAILED : ended_by;
        result->output = kept(running->arena, &output, OUTPUT_KEPT);
        result->errors = kept(running->arena, &errors, ERRORS_KEPT);
    }
    result->ended_ms = clock_now_ms();
}

/* --- the whole ----------------------------------------------------------------------------------- */

static struct invocation *find_invocation(const struct running *running)
{
    struct command *command = table_get(&ssm_of(running->account)->commands, running->command);
    for (size_t i = 0; command && i < command->invocation_count; i++)
        if (command->invocations[i].running == running)
            return &command->invocations[i];
    return NULL;
}

/* Every step runs, whatever became of those before; the first that failed is what became of the command. */
static enum command_state run_steps(struct running *running)
{
    enum command_state state = COMMAND_SUCCESS;
    for (size_t i = 0; i < running->step_count; i++) {
        if (running->cancelled)
            running->results[i].state = COMMAND_CANCELLED;
        else
            run_step(running, &running->steps[i], &running->results[i]);
        if (state == COMMAND_SUCCESS)
            state = (enum command_state)running->results[i].state;
    }
    return running->cancelled ? COMMAND_CANCELLED : state;
}

static void tell(struct running *running, enum command_state state)
{
    struct invocation *invocation = find_invocation(running);
    for (size_t i = 0; invocation && i < invocation->result_count; i++) {
        struct step_result *result = &invocation->results[i];
        *result = running->results[i];
        result->output = memory_strdup(result->output);
        result->errors = memory_strdup(result->errors);
    }
    if (invocation) {
        invocation->state = state;
        invocation->running = NULL;
    }
    log_info("command ran", "command", running->command, "instance", running->instance, "result",
             state == COMMAND_SUCCESS ? "success" : "no success", NULL);
    region_changed(running->agent->region);
}

static void *run(void *context)
{
    struct running *running = context;
    struct region *region = running->agent->region;
    enum command_state state = run_steps(running);
    region_lock(region);
    tell(running, state);
    eventfd_write(running->agent->wake, 1);
    running->agent->running--;
    close(running->stop);
    struct arena *arena = running->arena; /* it holds `running`, too */
    arena_free(&arena);
    region_unlock(&region);
    return NULL;
}

void run_begin(struct agent *agent, struct account *account, struct command *command,
               struct invocation *invocation)
{
    struct arena *arena = arena_new();
    struct running *running = arena_alloc(arena, sizeof *running);
    *running = (struct running){.agent = agent,
                                .arena = arena,
                                .account = account,
                                .command = arena_strdup(arena, command->id),
                                .instance = arena_strdup(arena, invocation->instance_id),
                                .steps = arena_alloc(arena, command->step_count * sizeof *running->steps),
                                .results = arena_alloc(arena, command->step_count * sizeof *running->results),
                                .step_count = command->step_count,
                                .stop = eventfd(0, EFD_CLOEXEC)};
    for (size_t i = 0; i < command->step_count; i++)
        running->steps[i] = (struct step){
            arena_strdup(arena, command->steps[i].name), arena_strdup(arena, command->steps[i].script),
            arena_strdup(arena, command->steps[i].directory), command->steps[i].timeout_s};
    invocation->state = COMMAND_IN_PROGRESS;
    invocation->running = running;
    for (size_t i = 0; i < command->step_count; i++) {
        struct step_result *result =
            list_add(&invocation->results, &invocation->result_count, sizeof *result);
        *result =
            (struct step_result){.state = COMMAND_IN_PROGRESS, .code = -1, .started_ms = clock_now_ms()};
    }
    pthread_t thread;
    agent->running++;
    if (pthread_create(&thread, NULL, run, running) == 0) {
        pthread_detach(thread);
        return;
    }
    agent->running--;
    invocation->state = COMMAND_FAILED;
    invocation->running = NULL;
    close(running->stop);
    arena_free(&arena);
}

void command_cancel(struct invocation *invocation)
{
    if (invocation->state == COMMAND_PENDING) {
        invocation->state = COMMAND_CANCELLED;
    } else if (invocation->state == COMMAND_IN_PROGRESS && invocation->running) {
        invocation->state = COMMAND_CANCELLING;
        eventfd_write(invocation->running->stop, 1);
    }
}
