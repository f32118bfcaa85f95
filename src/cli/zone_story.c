#include "cli/zone_story.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line while a step runs, below its title. */
void tell_progress(struct story *story, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(story->talked ? "      " : "\n      ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    story->talked = true;
}

static const struct step {
    const char *key, *title;
    int (*run)(struct story *story, struct error *err);
} steps[] = {
    {"localaws", "the region localaws", raise_region},
    {"control_plane", "Terraform: the vendor's control plane", raise_control_plane},
    {"enclave", "Terraform: the tenant's enclave", raise_enclave},
    {"tenant", "the tenant and its account", make_tenant},
    {"deploy", "enclave deploy examples/album-search", deploy_application},
    {"hosts", "hosts: launched, attested, tunnelled, serving", wait_for_hosts},
    {"query", "feed and query through the load balancer", feed_and_query},
    {"logs", "logs in the tenant's archive", see_logs},
};

static int write_timings(struct local_zone *zone, const int64_t *took_ms, int64_t all_ms, struct error *err)
{
    json_t *list = json_object(), *timings = json_object();
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        json_object_set_new(list, steps[i].key, json_real((double)took_ms[i] / 1000));
    json_object_set_new(timings, "steps", list);
    /* Both Terraform runs go side by side: what is left of the whole without the longer one is ours. */
    int64_t terraform_ms = took_ms[1] + took_ms[2];
    json_object_set_new(timings, "all_s", json_real((double)all_ms / 1000));
    json_object_set_new(timings, "terraform_s", json_real((double)terraform_ms / 1000));
    json_object_set_new(timings, "ready_s", json_real((double)(all_ms - terraform_ms) / 1000));
    char *text = json_pretty(zone->arena, timings);
    json_decref(timings);
    return file_write(zone_path(zone, "timings.json"), text, strlen(text), 0644, err);
}

static void print_title(size_t step)
{
    printf("[%zu/%zu] %-48s", step + 1, COUNT_OF(steps), steps[step].title);
    fflush(stdout);
}

int zone_story_tell(const struct local_zone *zone, struct error *err)
{
    struct story told = {.zone = *zone}, *story = &told;
    int64_t begun = clock_monotonic_ms(), took_ms[COUNT_OF(steps)];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        int64_t start = clock_monotonic_ms();
        story->own_ms = 0;
        story->talked = false;
        print_title(i);
        if (steps[i].run(story, err) < 0) {
            printf("%sfailed\n", story->talked ? "      " : "");
            return -1;
        }
        if (story->talked)
            print_title(i);
        took_ms[i] = clock_monotonic_ms() - start;
        printf("%6.1f s\n      %s\n", (double)(story->own_ms ? story->own_ms : took_ms[i]) / 1000, story->detail);
    }
    return write_timings(&story->zone, took_ms, clock_monotonic_ms() - begun, err);
}
