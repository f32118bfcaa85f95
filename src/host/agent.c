#include "host/agent.h"

#include "aws/imds.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/archive.h"
#include "host/maintenance.h"
#include "identity/athenz.h"

#include <signal.h>
#include <string.h>

static const struct {
    const char *name;
    void *(*run)(void *agent);
} threads[] = {
    {"converge", converge_thread}, {"identity", identity_thread}, {"link", link_thread},
    {"spec", spec_thread},         {"archive", archive_thread},   {"events", announced_thread},
    {"report", report_thread},
};

/* The metadata service may not answer in the first moments of a machine's life. */
static void wait_for_config(struct agent *agent)
{
    struct backoff backoff = {.first_ms = 200, .most_ms = 10 * 1000};
    for (;;) {
        struct error err = {0};
        char *instance_id = NULL;
        if (settings_host_config(&agent->settings, agent->arena, &agent->config, &err) == 0 &&
            imds_get(agent->arena, "meta-data/instance-id", &instance_id, &err) == 0) {
            agent->instance_id = text_trim(agent->arena, instance_id);
            break;
        }
        log_warning("waiting for the host's configuration", "error", err.message, NULL);
        clock_sleep_ms(backoff_next(&backoff, NULL));
    }
    const char *hostname = agent->config.hostname;
    agent->label = arena_strndup(agent->arena, hostname, strcspn(hostname, "."));
}

/* The part that needs nobody: after it every thread can go its own way. */
static int prepare(struct agent *agent, struct error *err)
{
    const char *trust = agent_path(agent, agent->arena, "ca.pem");
    const char *certificates = agent->config.ca_certificates;
    if (directory_make(agent_path(agent, agent->arena, "nodes"), 0711, err) < 0 ||
        file_write(trust, certificates, strlen(certificates), 0644, err) < 0)
        return -1;
    struct tls_files files = {.trust = trust};
    if (tls_context_new(&files, TLS_CLIENT_NONE, &agent->public_tls, err) < 0)
        return -1;
    struct http_client_options options = {
        .tls = agent->public_tls,
        .check_peer = principal_check_peer,
        .context = (void *)agent->config.configserver_identity,
        .user_agent = "enclave-host/" ENCLAVE_VERSION,
        .no_proxy = true,
    };
    if (http_client_new(&options, &agent->bootstrap, err) < 0)
        return -1;
    agent->ask = maintenance_ask;
    agent->credentials = aws_credentials_instance();
    if (aws_client_new(agent->credentials, agent->config.aws_region, &agent->aws, err) < 0)
        return -1;
    return archive_new(agent, &agent->archive, err);
}

static int start_threads(struct agent *agent, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, threads[i].run, agent) != 0)
            return error_set(err, ERROR_UNAVAILABLE, "start the %s thread", threads[i].name);
        pthread_setname_np(thread, threads[i].name);
        pthread_detach(thread);
    }
    return 0;
}

int agent_run(const struct settings *settings, struct error *err)
{
    static struct agent agent; /* its threads outlive this function until the process is gone */
    agent.settings = *settings;
    agent.arena = arena_new();
    pthread_mutex_init(&agent.lock, NULL);
    pthread_cond_init(&agent.changed, NULL);

    int lock = -1;
    if (directory_make(settings->state, 0711, err) < 0 ||
        file_lock(agent_path(&agent, agent.arena, "lock"), &lock, err) < 0)
        return error_context(err, "state directory");
    wait_for_config(&agent);
    /* Every thread that will be has these blocked; this one waits for them. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);

    log_info("agent begins", "host", agent.config.hostname, "instance", agent.instance_id, "version",
             ENCLAVE_VERSION, NULL);
    if (prepare(&agent, err) < 0 || start_threads(&agent, err) < 0)
        return -1;
    int received = 0;
    sigwait(&ends, &received);
    report_end(&agent);
    log_info("agent ends; tunnel, firewall and containers stay", "host", agent.config.hostname, NULL);
    return 0;
}
