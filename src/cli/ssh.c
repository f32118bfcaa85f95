/* ssh: a shell or a command on a host, by a grant of its tenant's. */
#include "cli/ssh.h"

#include "aws/ssm.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/controller.h"
#include "identity/certificate.h"
#include "zone/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOGIN_DOCUMENT \
    "vespa-ssh-login" /* terraform/modules/ssh: puts the key, and an sshd on the host's loopback */

enum { DOCUMENT_S = 60, ARGUMENTS_MOST = 96 };

static bool as_proxy;
static const char *user, *reason;

/* --- who and where ------------------------------------------------------------------------------- */

/* "vespa.operator.ann" -> "ann": the name under which the session stands in the tenant's audit trail. */
static int find_operator(struct cli *cli, const char **name, struct error *err)
{
    const char *path = settings_need(cli->settings.operator_certificate, "operatorCertificate", err);
    struct certificate certificate;
    if (!path || certificate_load(cli->arena, path, &certificate, err) < 0)
        return -1;
    const char *common_name = certificate.names.common_name,
               *dot = common_name ? strrchr(common_name, '.') : NULL;
    if (!dot || !text_starts(common_name, "vespa.operator."))
        return error_set(err, ERROR_FORBIDDEN,
                         "%s is no operator's certificate: direct access is for operators", path);
    *name = dot + 1;
    return 0;
}

static int ask_controller(struct cli *cli, const char *path, json_t **answer, struct error *err)
{
    const struct controller_call call = {.as = AS_OPERATOR, .method = HTTP_GET, .path = path};
    if (controller_call(cli, &call, answer, err) < 0)
        return -1;
    return *answer ? 0 : error_set(err, ERROR_UNAVAILABLE, "the controller does not answer in JSON");
}

static const char *first_part(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strcspn(text, ":")) : NULL;
}

/* A node's name leads to its host. */
static int find_host(struct cli *cli, const char *hostname, struct ssh_host *host, struct error *err)
{
    const char *name = settings_need(cli->settings.zone, "zone", err);
    struct zone_id zone;
    json_t *found, *tenant;
    if (!name || zone_parse(name, &zone, err) < 0)
        return -1;
    const char *base =
        arena_format(cli->arena, "/zone/v2/%s/%s/nodes/v2/node/", zone.environment, zone.region);
    if (ask_controller(cli,
                       arena_format(cli->arena, "%s%s", base, percent_encode(cli->arena, hostname, false)),
                       &found, err) < 0)
        return -1;
    const char *parent = json_member_text(found, "parentHostname");
    if (parent && ask_controller(cli, arena_format(cli->arena, "%s%s", base, parent), &found, err) < 0)
        return -1;
    const char *account = json_member_text(found, "cloudAccount");
    *host = (struct ssh_host){.hostname = json_member_text(found, "hostname"),
                              .instance_id = json_member_text(found, "id"),
                              .account =
                                  account && text_starts(account, "aws:") ? account + strlen("aws:") : NULL,
                              .tenant = first_part(cli->arena, json_member_text(found, "exclusiveTo"))};
    if (!host->instance_id || !host->account || !host->tenant)
        return error_set(err, ERROR_CONFLICT, "%s has no instance yet: it is %s", hostname,
                         or_dash(json_member_text(found, "state")));
    if (ask_controller(cli, arena_format(cli->arena, "/application/v4/tenant/%s", host->tenant), &tenant,
                       err) < 0)
        return -1;
    host->external_id = json_member_text(tenant, "externalId");
    return find_operator(cli, &host->operator_name, err);
}

/* --- the key ------------------------------------------------------------------------------------- */

/* A directory that is gone when we are. */
struct workplace {
    char path[32];
};

static void leave_workplace(struct workplace *workplace)
{
    if (*workplace->path)
        tree_remove(workplace->path, NULL);
}

static int open_workplace(struct workplace *workplace, struct error *err)
{
    strcpy(workplace->path, "/tmp/enclave-ssh.XXXXXX");
    if (!mkdtemp(workplace->path)) {
        *workplace->path = '\0';
        return error_errno(err, ERROR_UNAVAILABLE, "make a directory in /tmp");
    }
    return 0;
}

static int make_key(struct cli *cli, const struct workplace *workplace, const char *comment,
                    char **public_key, struct error *err)
{
    const char *path = arena_format(cli->arena, "%s/key", workplace->path);
    const char *const arguments[] = {"ssh-keygen", "-q",    "-t", "ed25519", "-N", "",
                                     "-C",         comment, "-f", path,      NULL};
    const struct process keygen = {.argv = arguments};
    size_t length;
    if (process_run(&keygen, cli->arena, NULL, err) < 0)
        return error_context(err, "make a key (Debian's openssh-client has ssh-keygen)");
    if (file_read(cli->arena, arena_format(cli->arena, "%s.pub", path), 4096, public_key, &length, err) < 0)
        return -1;
    *public_key = text_trim(cli->arena, *public_key);
    return 0;
}

/* What the document says when it is done: "port N", and the line of the host's public key. */
static int read_door(struct cli *cli, const struct workplace *workplace, const char *output,
                     const char **port, struct error *err)
{
    char **lines;
    size_t count = text_split(cli->arena, output ? output : "", '\n', &lines);
    int64_t number;
    if (count < 2 || !text_starts(lines[0], "port ") ||
        text_number(lines[0] + strlen("port "), 1, 65535, "port", &number, NULL) < 0 ||
        !text_starts(lines[1], "ssh-ed25519 "))
        return error_set(err, ERROR_UNAVAILABLE, "the host's answer is not that of " LOGIN_DOCUMENT);
    *port = lines[0] + strlen("port ");
    const char *known = arena_format(cli->arena, "enclave-host %s\n", lines[1]);
    return file_write(arena_format(cli->arena, "%s/known_hosts", workplace->path), known, strlen(known), 0600,
                      err);
}

static int open_door(struct cli *cli, const struct ssh_host *host, const struct ssh_grant *grant,
                     const struct workplace *workplace, const char **port, struct error *err)
{
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    struct ssm_result result;
    char *key;
    if (make_key(cli, workplace, arena_format(cli->arena, "enclave:%s", host->operator_name), &key, err) <
            0 ||
        aws_client_new(grant->tenant, cli->settings.aws_region, &aws, err) < 0)
        return -1;
    if (ssm_run(aws, cli->arena, LOGIN_DOCUMENT, host->instance_id, json_pack("{s:[s]}", "key", key),
                DOCUMENT_S, &result, err) < 0)
        return text_equal(err->code, "InvalidInstanceId")
                   ? error_set(err, ERROR_UNAVAILABLE,
                               "%s (%s) has no SSM agent that AWS lets in: its role needs "
                               "AmazonSSMManagedInstanceCore, "
                               "which terraform/modules/ssh attaches, and the image the agent",
                               host->hostname, host->instance_id)
                   : -1;
    if (!text_equal(result.status, "Success"))
        return error_set(err, ERROR_UNAVAILABLE, "%s could not be prepared (%s): %.400s", host->hostname,
                         result.status,
                         text_trim(cli->arena, arena_strdup(cli->arena, or_dash(result.errors))));
    return read_door(cli, workplace, result.output, port, err);
}

/* --- ssh ----------------------------------------------------------------------------------------- */

/* The tenant's keys go to the proxy by the environment, never by arguments. */
static int lend_keys(struct cli *cli, const struct ssh_grant *grant, struct error *err)
{
    struct aws_keys keys;
    if (aws_credentials_get(grant->tenant, cli->arena, &keys, err) < 0)
        return -1;
    unsetenv("AWS_PROFILE");
    setenv("AWS_ACCESS_KEY_ID", keys.access_key_id, 1);
    setenv("AWS_SECRET_ACCESS_KEY", keys.secret_access_key, 1);
    setenv("AWS_SESSION_TOKEN", keys.session_token, 1);
    setenv("AWS_REGION", cli->settings.aws_region, 1);
    if (reason)
        setenv(SSH_REASON_VARIABLE, reason, 1);
    return 0;
}

static int run_ssh(struct cli *cli, const struct ssh_host *host, const struct workplace *workplace,
                   const char *port, int *status, struct error *err)
{
    char own[4096] = "";
    if (readlink("/proc/self/exe", own, sizeof own - 1) <= 0)
        return error_errno(err, ERROR_INTERNAL, "find this program");
    const char *arguments[ARGUMENTS_MOST] = {
        "ssh",
        "-F",
        "none",
        "-l",
        user,
        "-i",
        arena_format(cli->arena, "%s/key", workplace->path),
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        arena_format(cli->arena, "UserKnownHostsFile=%s/known_hosts", workplace->path),
        "-o",
        "HostKeyAlias=enclave-host",
        "-o",
        "LogLevel=ERROR",
        "-o",
        arena_format(cli->arena, "ProxyCommand='%s' ssh --proxy %s %s", own, host->instance_id, port),
        arena_format(cli->arena, "%s", host->hostname)};
    size_t count = 0;
    while (arguments[count])
        count++;
    for (int i = 1; i < cli->word_count && count + 1 < ARGUMENTS_MOST; i++)
        arguments[count++] = cli->words[i];
    pid_t pid = fork();
    if (pid == 0) {
        execvp("ssh", (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    signal(SIGINT, SIG_IGN); /* it is for the program on the host */
    if (pid < 0 || waitpid(pid, status, 0) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "run ssh");
    return 0;
}

static int visit(struct cli *cli, int *status, struct error *err)
{
    cleanup(ssh_grant_close) struct ssh_grant grant = {0};
    cleanup(leave_workplace) struct workplace workplace = {0};
    struct ssh_host host;
    const char *port = NULL;
    if (!settings_need(cli->settings.aws_region, "awsRegion", err) ||
        find_host(cli, cli->words[0], &host, err) < 0 || ssh_grant_open(cli, &host, &grant, err) < 0 ||
        open_workplace(&workplace, err) < 0 || open_door(cli, &host, &grant, &workplace, &port, err) < 0 ||
        lend_keys(cli, &grant, err) < 0)
        return -1;
    return run_ssh(cli, &host, &workplace, port, status, err);
}

/* Ends as the program on the host ended. */
static int ssh(struct cli *cli, struct error *err)
{
    int status = 0;
    if (as_proxy)
        return ssh_proxy(cli, err);
    if (!user)
        user = "root";
    if (visit(cli, &status, err) < 0)
        return -1;
    if (!WIFEXITED(status))
        return error_set(err, ERROR_INTERNAL, "ssh was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == 127)
        return error_set(err, ERROR_NOT_FOUND, "there is no ssh: install Debian's openssh-client");
    exit(WEXITSTATUS(status));
}

static const struct flag flags[] = {
    {"proxy", NULL, "be the connection: for ProxyCommand, with INSTANCE PORT", NULL, &as_proxy},
    {"reason", "TEXT", "why, for the tenant's audit trail", &reason, NULL},
    {"user", "NAME", "whom to be on the host (root)", &user, NULL},
    {0},
};

const struct command ssh_commands[] = {
    {"ssh", "HOST [-- COMMAND...]", "a shell or a command on a host, when its tenant grants direct access",
     ssh, flags, 1, 64},
    {0},
};
