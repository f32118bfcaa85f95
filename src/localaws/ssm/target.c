/* What a session leads to in the instance. */
#include "localaws/ssm/channel.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HELD_LARGEST = 8 << 20 };

struct target target_none(void)
{
    return (struct target){.descriptor = -1,
                           .process = {.handle = -1, .input = -1, .output = -1, .errors = -1}};
}

/* A server may listen on either loopback address. */
static int connect_port(struct channel *channel, struct error *err)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    struct plane *plane = channel->agent->region->plane;
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        if (plane_connect_in_instance(plane, channel->instance, addresses[i], channel->port,
                                      &channel->target.descriptor, NULL) == 0)
            return 0;
    return error_set(err, ERROR_UNAVAILABLE,
                     "Connection to destination port failed, check SSM Agent logs. Nothing "
                     "listens on port %u of %s's loopback.",
                     channel->port, channel->instance);
}

static int run_shell(struct channel *channel, struct error *err)
{
    const char *const shell[] = {"/bin/sh", channel->command ? "-c" : "-i", channel->command, NULL};
    static const char *const environment[] = {"TERM=xterm-256color", NULL};
    const struct plane_program program = {
        .argv = shell, .environment = environment, .directory = "/root", .terminal = true};
    struct plane_process *process = &channel->target.process;
    if (plane_run_in_instance(channel->agent->region->plane, channel->instance, &program, process, err) < 0)
        return -1;
    channel->target.descriptor = process->output;
    process->output = -1;
    return 0;
}

int target_open(struct channel *channel, struct error *err)
{
    struct target *target = &channel->target;
    target_close(target);
    target->to_write = buffer_new(HELD_LARGEST);
    int result = channel->kind == SESSION_PORT ? connect_port(channel, err) : run_shell(channel, err);
    if (result == 0)
        fcntl(target->descriptor, F_SETFL, fcntl(target->descriptor, F_GETFL) | O_NONBLOCK);
    return result;
}

void target_close(struct target *target)
{
    file_close(&target->descriptor);
    plane_process_close(&target->process);
    buffer_free(&target->to_write);
    *target =
        (struct target){.descriptor = -1, .process = {.handle = -1, .input = -1, .output = -1, .errors = -1}};
}

size_t target_held(const struct target *target)
{
    return target->to_write.length - target->written;
}

void target_put(struct target *target, const char *bytes, size_t length)
{
    buffer_append(&target->to_write, bytes, length);
}

int target_flush(struct target *target)
{
    while (target_held(target)) {
        ssize_t done =
            write(target->descriptor, target->to_write.data + target->written, target_held(target));
        if (done < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        buffer_taken(&target->to_write, &target->written, (size_t)done);
    }
    return 0;
}

void target_resize(struct target *target, const char *json, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *size;
    if (target->process.pid <= 0 || json_parse(arena, json, length, &size, NULL) < 0)
        return;
    json_int_t columns = json_integer_value(json_object_get(size, "cols")),
               rows = json_integer_value(json_object_get(size, "rows"));
    if (columns < 1 || columns > 10000 || rows < 1 || rows > 10000)
        return;
    const struct winsize wanted = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    ioctl(target->descriptor, TIOCSWINSZ, &wanted);
}
