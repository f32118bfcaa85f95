/* Terraform, the real one, run in a thread so that both accounts are made at the same time. */
#include "cli/zone_local.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A mirror of providers laid out as registry.terraform.io/hashicorp/aws/VERSION/OS_ARCH, where a machine without network
 * may have one: TF_PLUGIN_DIR, Terraform's own folders, a folder of /opt. NULL: Terraform asks the registry. */
static const char *find_plugins(struct arena *arena)
{
    const char *home = getenv("HOME"), *given = getenv("TF_PLUGIN_DIR");
    const char *candidates[] = {given,
                                arena_format(arena, "%s/.terraform.d/plugins", home ? home : ""),
                                arena_format(arena, "%s/.local/share/terraform/plugins", home ? home : ""),
                                "/usr/local/share/terraform/plugins",
                                "/usr/share/terraform/plugins"};
    for (size_t i = 0; i < COUNT_OF(candidates); i++)
        if (candidates[i] &&
            file_exists(arena_format(arena, "%s/registry.terraform.io/hashicorp/aws", candidates[i])))
            return candidates[i];
    const char *found = NULL;
    DIR *opt = opendir("/opt");
    for (struct dirent *entry; opt && !found && (entry = readdir(opt));) {
        char *path = arena_format(arena, "/opt/%s", entry->d_name);
        if (file_exists(arena_format(arena, "%s/registry.terraform.io/hashicorp/aws", path)))
            found = path;
    }
    if (opt)
        closedir(opt);
    return found;
}

static const char *const *environment(struct terraform *terraform)
{
    const char *const *aws = localaws_environment(terraform->zone, terraform->profile);
    const char **list = arena_alloc(terraform->arena, 64 * sizeof *list);
    size_t count = 0;
    for (size_t i = 0; aws[i]; i++)
        list[count++] = aws[i];
    for (size_t i = 0; terraform->variables[i]; i++)
        list[count++] = terraform->variables[i];
    list[count++] = arena_format(terraform->arena, "TF_DATA_DIR=%s/terraform/%s/data", terraform->zone->directory,
                                 terraform->name);
    list[count++] = "TF_IN_AUTOMATION=1";
    list[count++] = "CHECKPOINT_DISABLE=1";
    return list;
}

static void count_resources(void *context, const char *line)
{
    struct terraform *terraform = context;
    if (strstr(line, "Creation complete after"))
        __atomic_add_fetch(&terraform->resources, 1, __ATOMIC_RELAXED);
}

/* The last error of Terraform's output is what a person needs; all of it is in the log file. */
static int explain(struct terraform *terraform, const char *output)
{
    struct error *err = &terraform->err;
    const char *at = output ? strstr(output, "Error: ") : NULL;
    char *log = arena_format(terraform->arena, "%s/terraform/%s/log", terraform->zone->directory, terraform->name);
    if (at)
        error_set(err, ERROR_INTERNAL, "%.*s", (int)strcspn(at, "\n"), at);
    return error_context(err, "terraform %s (see %s)", terraform->name, log);
}

static int run(struct terraform *terraform, const char *const *words, void (*line)(void *, const char *))
{
    struct arena *arena = terraform->arena;
    const char *argv[16] = {"terraform", arena_format(arena, "-chdir=%s/share/enclave/terraform/%s",
                                                      terraform->zone->prefix, terraform->module)};
    for (size_t i = 0; words[i]; i++)
        argv[i + 2] = words[i];
    const struct process process = {.argv = argv,
                                    .environment = environment(terraform),
                                    .timeout_ms = 15 * 60 * 1000,
                                    .output_limit = 4 << 20,
                                    .line = line,
                                    .context = terraform};
    char *output = NULL;
    int result = process_run(&process, arena, &output, &terraform->err);
    char *log = arena_format(arena, "%s/terraform/%s/log", terraform->zone->directory, terraform->name);
    if (output)
        file_write(log, output, strlen(output), 0600, NULL);
    if (result == 0)
        return 0;
    if (terraform->err.kind == ERROR_NOT_FOUND)
        return error_set(&terraform->err, ERROR_NOT_FOUND, "terraform is not installed: see README, \"What it needs\"");
    return explain(terraform, output);
}

static int apply(struct terraform *terraform)
{
    struct arena *arena = terraform->arena;
    char *folder = arena_format(arena, "%s/terraform/%s", terraform->zone->directory, terraform->name);
    char *marker = arena_format(arena, "%s/applied", folder);
    terraform->was_applied = file_exists(marker);
    if (terraform->was_applied)
        return 0;
    if (directory_make(folder, 0700, &terraform->err) < 0)
        return -1;
    const char *plugins = find_plugins(arena);
    const char *const init[] = {"init", "-input=false", "-no-color",
                                plugins ? arena_format(arena, "-plugin-dir=%s", plugins) : NULL, NULL};
    const char *const apply_words[] = {"apply", "-auto-approve", "-input=false", "-no-color",
                                       arena_format(arena, "-state=%s/terraform.tfstate", folder), NULL};
    if (run(terraform, init, NULL) < 0 || run(terraform, apply_words, count_resources) < 0)
        return -1;
    return file_write(marker, "", 0, 0600, &terraform->err);
}

static void *work(void *context)
{
    struct terraform *terraform = context;
    int64_t begun = clock_monotonic_ms();
    terraform->result = apply(terraform);
    terraform->took_ms = clock_monotonic_ms() - begun;
    return NULL;
}

void terraform_begin(struct terraform *terraform)
{
    terraform->arena = arena_new();
    if (pthread_create(&terraform->thread, NULL, work, terraform) != 0)
        abort();
}

bool terraform_ended(struct terraform *terraform, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    terraform->joined = terraform->joined || pthread_timedjoin_np(terraform->thread, NULL, &until) == 0;
    return terraform->joined;
}

int terraform_end(struct terraform *terraform, struct error *err)
{
    if (!terraform->joined)
        pthread_join(terraform->thread, NULL);
    if (terraform->result < 0 && err)
        *err = terraform->err;
    arena_free(&terraform->arena);
    return terraform->result;
}

char *terraform_output(struct local_zone *zone, const char *name, const char *output, struct error *err)
{
    char *path = zone_path(zone, "terraform/%s/terraform.tfstate", name), *text;
    size_t length;
    json_t *state;
    if (file_read(zone->arena, path, 64 << 20, &text, &length, err) < 0 ||
        json_parse(zone->arena, text, length, &state, err) < 0)
        return NULL;
    const char *value = json_member_text(json_object_get(json_object_get(state, "outputs"), output), "value");
    if (!value)
        error_set(err, ERROR_INTERNAL, "%s has no output %s", path, output);
    return value ? arena_strdup(zone->arena, value) : NULL;
}
