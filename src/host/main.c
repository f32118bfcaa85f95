/* enclave-host: the agent of a Vespa host. */
#include "base/log.h"
#include "host/agent.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct error err = {0};
    struct settings settings;
    if (settings_parse(argc, argv, &settings, &err) < 0 ||
        log_open_named("enclave-host", settings.log_level, settings.log_form, &err) < 0) {
        fprintf(stderr, "enclave-host: %s\n", err.message);
        return 2;
    }
    if (settings.help) {
        fputs(settings_help(), stdout);
        return 0;
    }
    if (agent_run(&settings, &err) < 0) {
        log_error("agent cannot run", "error", err.message, NULL);
        return 1;
    }
    _exit(0); /* threads are in the middle of things, as they would be at a crash */
}
