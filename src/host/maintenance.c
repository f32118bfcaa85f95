#include "host/maintenance.h"

#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "host/configserver.h"

#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ASK_TIMEOUT_MS = 5000, FILE_LARGEST = 4096, STAT_FIELDS_BEFORE_START = 19 };

int maintenance_ask(struct agent *agent, const char *hostname, bool down, struct error *err)
{
    if (!agent_has(agent, FACT_TUNNEL) || !agent_has(agent, FACT_IDENTITY))
        return error_set(err, ERROR_UNAVAILABLE, "the tunnel is not up");
    cleanup(arena_free) struct arena *arena = arena_new();
    struct http_reply reply;
    const char *path = arena_format(arena, "/orchestrator/v1/hosts/%s/suspended", hostname);
    const struct question question = {
        .method = down ? HTTP_PUT : HTTP_DELETE, .path = path, .timeout_ms = ASK_TIMEOUT_MS};
    return configserver_call(agent, &question, arena, &reply, err);
}

/* The mark comes first: a suspension that nobody remembers would last until it lapses. */
int maintenance_begin(struct node_pass *pass, struct error *err)
{
    if (file_write(pass->paths.suspended, "", 0, 0600, err) < 0)
        return -1;
    if (pass->agent->ask(pass->agent, pass->node->hostname, true, err) == 0) {
        log_info("node may be down", "node", pass->node->hostname, NULL);
        return 0;
    }
    return -1;
}

/* Comes after its health, and not while it waits for its turn; what cannot be said now is said in the next
 * pass. */
int node_resume(struct node_pass *pass, struct error *err)
{
    struct error why = {0};
    (void)err;
    if (!file_exists(pass->paths.suspended) || pass->node->next_ask_ms > 0)
        return 0;
    if (pass->agent->ask(pass->agent, pass->node->hostname, false, &why) == 0)
        unlink(pass->paths.suspended);
    else
        log_info("nobody was told that the node is back", "node", pass->node->hostname, "why", why.message,
                 NULL);
    return 0;
}

/* Another one after each start of the machine: the kernel's, and when its first process began. */
static const char *boot_mark(struct arena *arena)
{
    char *id = "", *stat = "", **fields = NULL;
    size_t length;
    file_read(arena, "/proc/sys/kernel/random/boot_id", FILE_LARGEST, &id, &length, NULL);
    file_read(arena, "/proc/1/stat", FILE_LARGEST, &stat, &length, NULL);
    const char *after = strrchr(stat, ')');
    size_t count = after ? text_split(arena, text_trim(arena, after + 1), ' ', &fields) : 0;
    return arena_format(arena, "%s/%s", text_trim(arena, id),
                        count > STAT_FIELDS_BEFORE_START ? fields[STAT_FIELDS_BEFORE_START] : "");
}

struct reboot {
    long long generation; /* begun last */
    char mark[128];       /* of the start in which it was begun; "-": it is over */
};

static const char *reboot_path(struct agent *agent, struct arena *arena)
{
    return agent_path(agent, arena, "reboot");
}

static int load_reboot(struct agent *agent, struct arena *arena, struct reboot *reboot)
{
    char *text;
    size_t length;
    *reboot = (struct reboot){.generation = -1};
    if (file_read(arena, reboot_path(agent, arena), FILE_LARGEST, &text, &length, NULL) < 0 ||
        sscanf(text, "%lld %127s", &reboot->generation, reboot->mark) != 2)
        return -1;
    return 0;
}

static int store_reboot(struct agent *agent, struct arena *arena, int64_t generation, const char *mark,
                        struct error *err)
{
    const char *text = arena_format(arena, "%lld %s\n", (long long)generation, mark);
    return file_write(reboot_path(agent, arena), text, strlen(text), 0600, err);
}

int64_t maintenance_reboot_generation(struct agent *agent, struct arena *arena)
{
    struct reboot reboot;
    if (load_reboot(agent, arena, &reboot) < 0)
        return -1;
    return text_equal(reboot.mark, boot_mark(arena)) ? reboot.generation - 1 : reboot.generation;
}

/* A machine under systemd is shut down by it; anything else is ended by the kernel, which in a machine that
 * is only a namespace ends no more than that. */
static void restart_machine(struct arena *arena)
{
    char *first = "";
    size_t length;
    file_read(arena, "/proc/1/comm", FILE_LARGEST, &first, &length, NULL);
    struct process process = {.argv = (const char *const[]){"systemctl", "reboot", NULL}};
    struct error err = {0};
    if (text_equal(text_trim(arena, first), "systemd")) {
        if (process_run(&process, arena, NULL, &err) < 0)
            log_error("cannot reboot", "error", err.message, NULL);
        return;
    }
    sync();
    if (syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL) < 0)
        log_error("cannot reboot", "error", "the kernel refused", NULL);
}

static void begin_reboot(struct agent *agent, struct arena *arena, int64_t generation)
{
    struct error err = {0};
    if (agent->ask(agent, agent->config.hostname, true, &err) < 0 ||
        store_reboot(agent, arena, generation, boot_mark(arena), &err) < 0) {
        log_info("no reboot yet", "host", agent->config.hostname, "why", err.message, NULL);
        return;
    }
    log_info("rebooting", "host", agent->config.hostname, NULL);
    restart_machine(arena);
}

void maintenance_reboot(struct agent *agent, struct arena *arena, const struct host_spec *spec, bool settled)
{
    struct reboot reboot;
    struct error err = {0};
    const char *mark = boot_mark(arena);
    if (load_reboot(agent, arena, &reboot) < 0) { /* a new machine: what was wanted before it is not its */
        store_reboot(agent, arena, spec->reboot_generation, "-", NULL);
        return;
    }
    bool over = !text_equal(reboot.mark, mark);
    if (over && !text_equal(reboot.mark, "-") && settled &&
        agent->ask(agent, agent->config.hostname, false, &err) == 0)
        store_reboot(agent, arena, reboot.generation, "-", NULL);
    if (over && settled && !spec->drain && spec->reboot_generation > reboot.generation)
        begin_reboot(agent, arena, spec->reboot_generation);
}
