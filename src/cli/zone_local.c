#include "cli/zone_local.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOCALAWS_READY_MS = 15000, LOCALAWS_GRACE_MS = 60000 };

char *zone_path(struct local_zone *zone, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *inside = arena_vformat(zone->arena, format, args);
    va_end(args);
    return arena_format(zone->arena, "%s/%s", zone->directory, inside);
}

/* <prefix>/bin/enclave, wherever it was installed. */
static int find_prefix(struct local_zone *zone, struct error *err)
{
    char path[PATH_MAX] = "";
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return error_errno(err, ERROR_INTERNAL, "find our own program");
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = '\0';
    }
    zone->prefix = arena_strdup(zone->arena, path);
    char *localaws = arena_format(zone->arena, "%s/bin/localaws", path);
    if (!file_exists(localaws))
        return error_set(err, ERROR_NOT_FOUND, "%s is not there: run enclave as it is installed (make run does)", localaws);
    return 0;
}

int local_zone_open(struct cli *cli, const char *directory, struct local_zone *zone, struct error *err)
{
    char absolute[PATH_MAX];
    if (!directory)
        directory = arena_format(cli->arena, "%s/zone", cli->settings.home);
    if (directory_make(directory, 0755, err) < 0)
        return -1;
    if (!realpath(directory, absolute))
        return error_errno(err, ERROR_INVALID, "find %s", directory);
    zone->arena = cli->arena;
    zone->directory = arena_strdup(cli->arena, absolute);
    return find_prefix(zone, err);
}

int localaws_pid(struct local_zone *zone, pid_t *pid)
{
    char *text, *state = zone_path(zone, "localaws/pid"), *command;
    int64_t number;
    if (file_read(zone->arena, state, 64, &text, NULL, NULL) < 0 ||
        text_number(text_trim(zone->arena, text), 2, INT_MAX, "pid", &number, NULL) < 0)
        return -1;
    /* The number may be another process's by now. */
    char *path = arena_format(zone->arena, "/proc/%lld/cmdline", (long long)number);
    size_t length;
    if (file_read(zone->arena, path, 65536, &command, &length, NULL) < 0 || !strstr(command, "localaws"))
        return -1;
    *pid = (pid_t)number;
    return 0;
}

const char *const *localaws_environment(struct local_zone *zone, const char *profile)
{
    struct arena *arena = zone->arena;
    const char **list = arena_alloc(arena, 16 * sizeof *list);
    size_t count = 0;
    list[count++] = arena_format(arena, "AWS_ENDPOINT_URL=https://127.0.0.1:%s", zone->port);
    list[count++] = arena_format(arena, "AWS_CA_BUNDLE=%s", zone_path(zone, "localaws/ca.pem"));
    list[count++] = arena_format(arena, "AWS_SHARED_CREDENTIALS_FILE=%s", zone_path(zone, "localaws/credentials"));
    list[count++] = "AWS_CONFIG_FILE=/dev/null";
    list[count++] = "AWS_REGION=" LOCAL_REGION;
    list[count++] = "AWS_DEFAULT_REGION=" LOCAL_REGION; /* what aws-cli 1 and boto3 read */
    list[count++] = "AWS_EC2_METADATA_DISABLED=true";
    list[count++] = "NO_PROXY=127.0.0.1,localhost";
    list[count++] = arena_format(arena, "HTTPS_PROXY=http://127.0.0.1:%s", zone->proxy_port);
    list[count++] = arena_format(arena, "AWS_PROFILE=%s", profile);
    list[count++] = arena_format(arena, "ENCLAVE_HOME=%s", zone_path(zone, "home"));
    return list;
}

/* What the region's machines boot: copies, so that a rebuild does not change a running machine. */
static int copy_into(struct local_zone *zone, const char *from, const char *to, struct error *err)
{
    const struct process copy = {.argv = (const char *const[]){"cp", "-a", "--remove-destination", from, to, NULL}};
    return process_run(&copy, zone->arena, NULL, err);
}

static int write_images(struct local_zone *zone, struct error *err)
{
    static const struct {
        const char *name, *description;
    } images[] = {
        {"enclave-zts", "identity service"},
        {"enclave-controller", "controller"},
        {"enclave-configserver", "config server"},
        {"enclave-host", "Vespa host"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT_OF(images); i++) {
        char *program = arena_format(zone->arena, "/opt/enclave/bin/%s", images[i].name);
        json_t *image = json_pack("{s:s, s:s, s:s, s:[s], s:[s, s, s, s], s:[s, s, s]}", "name", images[i].name,
                                  "description", images[i].description, "architecture", "arm64", "argv", program,
                                  "environment", "AWS_ENDPOINT_URL=" REGION_API_URL,
                                  "AWS_CA_BUNDLE=/opt/enclave/etc/ca.pem", "AWS_REGION=" LOCAL_REGION,
                                  "ENCLAVE_ROTATE_S=5", "binds",
                                  arena_format(zone->arena, "%s:/opt/enclave/bin", zone_path(zone, "ami/bin")),
                                  arena_format(zone->arena, "%s:/opt/enclave/etc", zone_path(zone, "ami/etc")),
                                  arena_format(zone->arena, "%s:/opt/enclave/images", zone_path(zone, "ami/images")));
        json_array_append_new(list, image);
    }
    char *text = json_pretty(zone->arena, list);
    json_decref(list);
    return file_write(zone_path(zone, "images.json"), text, strlen(text), 0644, err);
}

static int make_images(struct local_zone *zone, struct error *err)
{
    static const char *const programs[] = {"enclave-zts", "enclave-controller", "enclave-configserver", "enclave-host"};
    if (directory_make(zone_path(zone, "ami/bin"), 0755, err) < 0 ||
        directory_make(zone_path(zone, "ami/etc"), 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(programs); i++)
        if (copy_into(zone, arena_format(zone->arena, "%s/bin/%s", zone->prefix, programs[i]), zone_path(zone, "ami/bin/"),
                      err) < 0)
            return -1;
    char *images = arena_format(zone->arena, "%s/share/enclave/images", zone->prefix);
    if (!file_exists(images))
        return error_set(err, ERROR_NOT_FOUND, "%s is not there: make the container image first (make run does)", images);
    if (copy_into(zone, images, zone_path(zone, "ami/"), err) < 0)
        return -1;
    return write_images(zone, err);
}

static int wait_ready(struct local_zone *zone, struct error *err)
{
    char *ready = zone_path(zone, "localaws/ready"), *log = zone_path(zone, "localaws.log"), *text;
    pid_t pid;
    for (int64_t deadline = clock_monotonic_ms() + LOCALAWS_READY_MS; !file_exists(ready); clock_sleep_ms(10)) {
        bool late = clock_monotonic_ms() > deadline;
        if (!late && localaws_pid(zone, &pid) == 0)
            continue;
        if (late || (file_exists(zone_path(zone, "localaws/pid")) && localaws_pid(zone, &pid) < 0)) {
            const char *last = "it said nothing";
            if (file_read(zone->arena, log, 16 << 20, &text, NULL, NULL) == 0) {
                text = text_trim(zone->arena, text);
                last = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
            }
            return error_set(err, ERROR_UNAVAILABLE, "localaws does not come up: %s (see %s)", last, log);
        }
    }
    char *ca;
    size_t length;
    if (file_read(zone->arena, zone_path(zone, "localaws/ca.pem"), 1 << 20, &ca, &length, err) < 0)
        return -1;
    return file_write(zone_path(zone, "ami/etc/ca.pem"), ca, length, 0644, err);
}

int localaws_start(struct local_zone *zone, bool *was_up, struct error *err)
{
    pid_t pid;
    *was_up = localaws_pid(zone, &pid) == 0 && file_exists(zone_path(zone, "localaws/ready"));
    if (*was_up)
        return 0;
    unlink(zone_path(zone, "localaws/ready"));
    unlink(zone_path(zone, "localaws/pid"));
    if (make_images(zone, err) < 0)
        return -1;
    const struct process localaws = {
        .argv = (const char *const[]){
            arena_format(zone->arena, "%s/bin/localaws", zone->prefix), "--state", zone_path(zone, "localaws"), "--listen",
            arena_format(zone->arena, "127.0.0.1:%s", zone->port), "--proxy",
            arena_format(zone->arena, "127.0.0.1:%s", zone->proxy_port), "--region", LOCAL_REGION, "--account",
            VENDOR_ACCOUNT "=vendor", "--account", TENANT_ACCOUNT "=" LOCAL_TENANT, "--images",
            zone_path(zone, "images.json"), "--label", zone->label, "--pid-file", zone_path(zone, "localaws/pid"), NULL}};
    if (directory_make(zone_path(zone, "localaws"), 0700, err) < 0 ||
        process_start(&localaws, zone_path(zone, "localaws.log"), &pid, err) < 0)
        return -1;
    return wait_ready(zone, err);
}

int localaws_stop(struct local_zone *zone, struct error *err)
{
    pid_t pid;
    if (localaws_pid(zone, &pid) < 0)
        return error_set(err, ERROR_NOT_FOUND, "localaws is not running");
    process_stop(pid, LOCALAWS_GRACE_MS);
    return 0;
}

static int run_ourselves(struct local_zone *zone, const char *profile, const char *const *words,
                         void (*line)(void *context, const char *line), void *context, char **output, struct error *err)
{
    const char *argv[24] = {arena_format(zone->arena, "%s/bin/enclave", zone->prefix)};
    for (size_t i = 0; words[i] && i + 2 < COUNT_OF(argv); i++)
        argv[i + 1] = words[i];
    const struct process process = {
        .argv = argv, .environment = localaws_environment(zone, profile), .line = line, .context = context};
    return process_run(&process, zone->arena, output, err);
}

int run_enclave(struct local_zone *zone, const char *profile, const char *const *words, char **output, struct error *err)
{
    return run_ourselves(zone, profile, words, NULL, NULL, output, err);
}

int show_enclave(struct local_zone *zone, const char *const *words, void (*line)(void *context, const char *line),
                 void *context, struct error *err)
{
    return run_ourselves(zone, LOCAL_TENANT, words, line, context, NULL, err);
}
