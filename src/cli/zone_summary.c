/* What a person can do next: the environment for a shell, and the summary at the end of zone up. */
#include "cli/zone_local.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

int write_env_file(struct local_zone *zone, struct error *err)
{
    cleanup(memory_free) char *text = memory_format("# for a shell: . %s/env\nexport PATH=\"%s/bin:$PATH\"\n",
                                                    zone->directory, zone->prefix);
    for (const char *const *pair = localaws_environment(zone, LOCAL_TENANT); *pair; pair++) {
        /* The proxy is for enclave alone, which finds it in its own settings. */
        if (strncmp(*pair, "HTTPS_PROXY", 11) == 0 || strncmp(*pair, "AWS_CONFIG_FILE", 15) == 0)
            continue;
        char *more = memory_format("%sexport %s\n", text, *pair);
        free(text);
        text = more;
    }
    return file_write(zone_path(zone, "env"), text, strlen(text), 0644, err);
}

void print_summary(struct local_zone *zone)
{
    printf("\nThe zone %s is up: tenant %s serves album-search from its own account.\n\n", LOCAL_ZONE, LOCAL_TENANT);
    printf("What to try next:\n");
    printf("  . %s/env\n", zone->directory);
    printf("  enclave status                   the deployment and its endpoint\n");
    printf("  enclave hosts                    hosts; enclave nodes: what runs on them\n");
    printf("  enclave events                   what happened to them, by whom and why\n");
    printf("  enclave query dreams             search, over mTLS through the NLB\n");
    printf("  enclave logs                     the archive, with the tenant's credentials\n");
    printf("  aws --endpoint-url https://127.0.0.1:%s ec2 describe-instances\n", zone->port);
    printf("  ls %s/localaws/machines    machines; inside one:\n", zone->directory);
    printf("  nsenter -t $(cat %s/localaws/machines/ID.pid) -a wg show\n", zone->directory);
    printf("  make stop                        takes all of it down\n");
}
