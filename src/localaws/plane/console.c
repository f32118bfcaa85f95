/* Consoles: what a machine's processes print goes to <directory>/consoles/<id>.log, which is put aside as
 * <id>.log.1 when it reaches its limit, so that a talkative program takes two megabytes and no more. */
#include "localaws/plane/parts.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONSOLE_LARGEST = 1 << 20, CONSOLE_SHOWN = 64 << 10 };

static char *console_path(const struct plane *plane, const char *instance_id, const char *suffix)
{
    return memory_format("%s/consoles/%s.log%s", plane->directory, instance_id, suffix);
}

int console_open(struct plane *plane, const char *instance_id, struct error *err)
{
    cleanup(memory_free) char *path = console_path(plane, instance_id, "");
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    return file < 0 ? error_errno(err, ERROR_UNAVAILABLE, "open the console %s", path) : file;
}

void console_write(struct plane *plane, struct machine *machine, const char *bytes, size_t length)
{
    struct stat status;
    if (fstat(machine->log, &status) == 0 && status.st_size + (off_t)length > CONSOLE_LARGEST) {
        cleanup(memory_free) char *path = console_path(plane, machine->wanted->id, "");
        cleanup(memory_free) char *aside = console_path(plane, machine->wanted->id, ".1");
        struct error ignored; /* then the old file goes on */
        int next = rename(path, aside) == 0 ? console_open(plane, machine->wanted->id, &ignored) : -1;
        if (next >= 0) {
            close(machine->log);
            machine->log = next;
        }
    }
    struct error ignored; /* a full disk must not stop the machine */
    file_write_all(machine->log, bytes, length, &ignored);
}

/* The last `room` bytes of a file; 0 when there is none. */
static size_t read_tail(const char *path, char *bytes, size_t room)
{
    cleanup(file_close) int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0)
        return 0;
    off_t from = status.st_size > (off_t)room ? status.st_size - (off_t)room : 0;
    ssize_t got = pread(file, bytes, room, from);
    return got > 0 ? (size_t)got : 0;
}

char *plane_console(struct plane *plane, struct arena *arena, const char *instance_id)
{
    char *text = arena_alloc(arena, CONSOLE_SHOWN + 1);
    if (!text_only(instance_id, "a-zA-Z0-9-"))
        return text;
    cleanup(memory_free) char *path = console_path(plane, instance_id, "");
    cleanup(memory_free) char *aside = console_path(plane, instance_id, ".1");
    char *newest = memory_alloc(CONSOLE_SHOWN);
    size_t new_length = read_tail(path, newest, CONSOLE_SHOWN);
    size_t old_length = read_tail(aside, text, CONSOLE_SHOWN - new_length);
    memcpy(text + old_length, newest, new_length);
    free(newest);
    for (size_t i = 0; i < old_length + new_length; i++)
        if (!text[i])
            text[i] = '?';
    return text;
}
