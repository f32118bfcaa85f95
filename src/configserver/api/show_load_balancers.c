/* Load balancers as they are shown: what each shall be, the nodes behind it, what it waits for. */
#include "base/text.h"
#include "configserver/api/shown.h"

static const struct endpoint_settings public_only = {.is_public = true};

static void list_reals(const struct view *view, const struct load_balancer *balancer,
                       struct shown_load_balancer *shown, struct arena *arena)
{
    size_t most = view_count_of(view, NODES_OF_APPLICATION, balancer->application);
    shown->reals = arena_alloc(arena, (most + 1) * sizeof *shown->reals);
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (node->state == NODE_ACTIVE && host && host->node_address &&
            text_equal(node->cluster, balancer->cluster))
            shown->reals[shown->real_count++] =
                (struct shown_real){node->hostname, host->node_address, NODE_PORT};
    }
}

static struct shown_settings *settings_of(const struct endpoint_settings *wanted, struct arena *arena)
{
    static const char *methods[] = {"mtls", NULL};
    struct shown_settings *settings = arena_alloc(arena, sizeof *settings);
    settings->methods = methods;
    settings->method_count = 1;
    settings->allowed = arena_alloc(arena, (wanted->allowed_arn_count + 1) * sizeof *settings->allowed);
    for (size_t i = 0; i < wanted->allowed_arn_count; i++)
        settings->allowed[settings->allowed_count++] =
            (struct shown_urn){"aws-private-link", wanted->allowed_arns[i]};
    return settings;
}

json_t *show_load_balancer(const struct view *view, const struct load_balancer *balancer, struct arena *arena)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, balancer->application);
    const struct endpoint_settings *wanted = balancer->settings ? balancer->settings : &public_only;
    struct application_id names;
    application_names(arena, balancer->application, &names);
    struct shown_load_balancer shown = {
        .id = balancer->id,
        .seed = balancer->id,
        .state = load_balancer_state_names[balancer->state],
        .tenant = names.tenant,
        .application = names.application,
        .instance = names.instance,
        .cluster = balancer->cluster,
        .changed_at = balancer->state_since,
        .healthy = balancer->healthy,
        .name = balancer->name,
        .hostname = balancer->dns_name,
        .dns_zone = balancer->hosted_zone,
        .service_id = balancer->service_id,
        .service_name = balancer->service_name,
        .cloud_account = arena_format(arena, "aws:%s", balancer->account),
        .trouble = balancer->trouble,
        .networks = application ? application->networks : NULL,
        .network_count = application ? application->network_count : 0,
        .ports = json_pack("[i]", ENDPOINT_PORT),
        .settings = settings_of(wanted, arena),
        .is_public = wanted->is_public,
        .is_private = wanted->is_private,
        .announced = balancer->announced,
        .history = balancer->history,
        .history_count = balancer->history_count,
    };
    list_reals(view, balancer, &shown, arena);
    json_t *json = record_write(&shown_load_balancer_record, &shown);
    json_decref(shown.ports);
    return json;
}
