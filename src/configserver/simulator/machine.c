#include "configserver/simulator/machine.h"

#include "base/text.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/simulator/host_link.h"
#include "configserver/simulator/machine_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    TRY_AGAIN_MS = 7 * 1000,
    SERVICE_STARTS_MS = 30 * 1000,
    DRAINS_MS = 20 * 1000,
    DATA_MOVES_MS = 15 * 60 * 1000,
    ENDS_MS = 20 * 1000, /* from being terminated */
};

static const char *const service_names[] = {NULL, "starting", "up", "stopped"};

static void look(void *context, int64_t number);

static void look_at(struct machine *machine, int64_t when_ms)
{
    if (machine->looks_ms && machine->looks_ms <= when_ms)
        return;
    machine->looks_ms = when_ms;
    machine->occurrences++;
    clockwork_at(machine->world->clockwork, when_ms, look, machine, when_ms);
}

void machine_look_in(struct machine *machine, int64_t wait_ms)
{
    look_at(machine, world_now(machine->world) + wait_ms);
}

struct machine *machine_new(struct world *world, struct sim_instance *instance)
{
    struct machine *machine = memory_alloc(sizeof *machine);
    cleanup(arena_free) struct arena *arena = arena_new();
    machine->world = world;
    machine->instance = instance;
    machine->chance = chance_of(world->seed, instance->id);
    machine->restarted = machine->rebooted = -1;
    uint64_t key[4];
    for (size_t i = 0; i < COUNT_OF(key); i++)
        key[i] = chance_next(&machine->chance);
    snprintf(machine->key, sizeof machine->key, "%s", base64_encode(arena, key, sizeof key));
    machine->fate = faults_fate(world, instance);
    machine->addresses_ms = instance->launched_ms + chance_around(&machine->chance, 2000);
    machine->boots_ms = machine->addresses_ms + 20 * SECOND_MS +
                        chance_around(&machine->chance, 20 * SECOND_MS) + machine->fate.boots_late_ms;
    if (machine->fate.ends_after_ms)
        look_at(machine, instance->launched_ms + machine->fate.ends_after_ms);
    else
        look_at(machine, machine->boots_ms);
    return machine;
}

void machine_free(struct machine **machine)
{
    free(take(machine));
}

bool machine_is_still(const struct machine *machine)
{
    return machine->occurrences == 0;
}

static bool runs(const struct machine *machine)
{
    return machine->instance->state <= INSTANCE_RUNNING;
}

bool machine_has_addresses(const struct machine *machine)
{
    return world_now(machine->world) >= machine->addresses_ms && runs(machine);
}

bool machine_serves(const struct machine *machine)
{
    return machine->instance->state == INSTANCE_RUNNING && machine->service == SERVICE_UP &&
           !machine->hangs && world_now(machine->world) >= machine->broken_until_ms;
}

int64_t machine_serves_since(const struct machine *machine)
{
    return machine->serves_since_ms > machine->broken_until_ms ? machine->serves_since_ms
                                                               : machine->broken_until_ms;
}

int64_t machine_lost_ms(const struct machine *machine)
{
    return machine->lost_ms;
}

/* Before it is lost. */
static void note_loss(struct machine *machine)
{
    if (machine_serves(machine))
        machine->lost_ms = world_now(machine->world);
}

bool machine_never_comes(const struct machine *machine)
{
    return machine->fate.never_comes;
}

bool machine_is_broken(const struct machine *machine)
{
    return machine->hangs || machine->fails_hard || machine->instance->event;
}

static void end(void *context, int64_t number)
{
    struct machine *machine = context;
    (void)number;
    machine->occurrences--;
    region_end_instance(machine->world->region, machine->instance, "Client.UserInitiatedShutdown");
}

void machine_terminate(struct machine *machine)
{
    machine->occurrences++;
    clockwork_after(machine->world->clockwork, chance_around(&machine->chance, ENDS_MS), end, machine, 0);
}

void machine_stop(struct machine *machine)
{
    if (!machine)
        return;
    note_loss(machine);
    machine->service = SERVICE_NONE;
}

void machine_notice(struct machine *machine)
{
    machine->asks = true;
    if (machine->ready && runs(machine))
        machine_look_in(machine, 20 + chance_below(&machine->chance, 200));
}

void machine_cut_off(struct machine *machine, int64_t for_ms)
{
    machine->cut_until_ms = world_now(machine->world) + for_ms;
}

void machine_break_service(struct machine *machine, int64_t for_ms)
{
    note_loss(machine);
    machine->broken_until_ms = world_now(machine->world) + for_ms;
    machine->asks = true;
    machine_look_in(machine, 5 * SECOND_MS);
}

void machine_fail_hard(struct machine *machine)
{
    machine->fails_hard = true;
    machine_look_in(machine, 5 * SECOND_MS);
}

void machine_hang(struct machine *machine)
{
    note_loss(machine);
    machine->hangs = true;
}

void machine_maintain(struct machine *machine)
{
    machine->wants_hands = true;
    machine_look_in(machine, SECOND_MS);
}

bool machine_has_served(const struct machine *machine)
{
    return machine->serves_since_ms > 0;
}

bool machine_has_drained(const struct machine *machine)
{
    return machine->drained_ms && world_now(machine->world) >= machine->drained_ms;
}

bool machine_has_moved(const struct machine *machine)
{
    return machine->data_moved_ms && world_now(machine->world) >= machine->data_moved_ms &&
           !machine->fate.never_moves;
}

bool machine_can_drain(const struct machine *machine)
{
    return machine->ready && !machine->hangs && world_now(machine->world) >= machine->cut_until_ms;
}

static void start_service(struct machine *machine, const struct node_spec *spec)
{
    snprintf(machine->node, sizeof machine->node, "%s", spec->hostname);
    snprintf(machine->image, sizeof machine->image, "%s", spec->image);
    machine->service = SERVICE_STARTING;
    machine->asks = true;
    machine->service_changes_ms =
        world_now(machine->world) + 5 * SECOND_MS + chance_around(&machine->chance, SERVICE_STARTS_MS);
    look_at(machine, machine->service_changes_ms);
}

static void follow_node(struct machine *machine, struct process *process, const struct node_spec *spec)
{
    int64_t now = world_now(machine->world);
    bool wanted = text_equal(spec->state, "active"), runs = machine->service != SERVICE_NONE;
    bool other = runs && !text_equal(machine->image, spec->image);
    if (wanted &&
        (!runs || machine->service == SERVICE_STOPPED || !text_equal(machine->node, spec->hostname) ||
         (other && maintenance_may_change(machine, process))))
        start_service(machine, spec);
    else if (!wanted)
        machine->service = SERVICE_STOPPED;
    if (machine->service == SERVICE_STARTING && now >= machine->service_changes_ms) {
        machine->service = SERVICE_UP;
        machine->serves_since_ms = now;
    }
    if (!spec->retired)
        machine->data_moved_ms = 0;
    else if (!machine->data_moved_ms) {
        machine->data_moved_ms =
            now + chance_around(&machine->chance, DATA_MOVES_MS) + machine->fate.moves_late_ms;
        look_at(machine, machine->data_moved_ms);
    }
}

static uint64_t report_hash(const struct node_report *report, size_t names)
{
    uint64_t hash = 14695981039346656037u ^ names << 8 ^ (uint64_t)report->data_moved ^
                    (uint64_t)report->current_restart_generation << 16;
    const char *const texts[] = {report->service_status, report->current_image, report->config_checksum};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (const char *at = texts[i] ? texts[i] : "-"; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

static void report_node(struct machine *machine, struct process *process, const struct node_spec *spec)
{
    int64_t now = world_now(machine->world);
    bool down = machine->service == SERVICE_UP && now < machine->broken_until_ms;
    const struct node_report report = {
        .current_restart_generation = machine->restarted,
        .current_reboot_generation = -1,
        .service_status = down ? "down" : service_names[machine->service],
        .current_image = machine->image,
        .data_moved = machine->data_moved_ms && now >= machine->data_moved_ms && !machine->fate.never_moves,
        .config_checksum = machine->service == SERVICE_UP ? spec->config_checksum : NULL,
        .certificate_names = spec->certificate_names,
        .certificate_name_count = machine->service == SERVICE_UP ? spec->certificate_name_count : 0,
    };
    uint64_t hash = report_hash(&report, report.certificate_name_count);
    if (hash == machine->reported)
        return;
    if (host_link_report(process, machine->instance, machine->key, machine->node, &report, NULL) < 0) {
        machine->reported = 0; /* it may have been heard all the same */
        machine->asks = true;
        machine_look_in(machine, TRY_AGAIN_MS);
        return;
    }
    machine->reported = hash;
    world_say(machine->world, "node %s is %s%s", machine->node, report.service_status,
              report.data_moved ? ", its data has moved" : "");
    if (down)
        look_at(machine, machine->broken_until_ms);
}

static void drain(struct machine *machine, struct process *process)
{
    int64_t now = world_now(machine->world);
    machine->service = SERVICE_STOPPED;
    if (!machine->drained_ms) {
        machine->drained_ms = now + chance_around(&machine->chance, DRAINS_MS) + machine->fate.drains_late_ms;
        look_at(machine, machine->drained_ms);
    }
    if (now < machine->drained_ms || machine->reported_drained)
        return;
    struct node_report report = node_report_nothing;
    report.drained = true;
    machine->reported_drained = host_link_report(process, machine->instance, machine->key,
                                                 machine->instance->hostname, &report, NULL) == 0;
    if (machine->reported_drained)
        world_say(machine->world, "host %s is drained", machine->instance->hostname);
    else
        machine_look_in(machine, TRY_AGAIN_MS);
}

static void say_broken(struct machine *machine, struct process *process)
{
    struct node_report report = node_report_nothing;
    report.reports = json_pack("{s:{s:s,s:I,s:s}}", "disk", "type", "HARD_FAIL", "createdMillis",
                               (json_int_t)world_now(machine->world), "description", "simulated");
    machine->said_broken = host_link_report(process, machine->instance, machine->key,
                                            machine->instance->hostname, &report, NULL) == 0;
    json_decref(report.reports);
}

/* What is awaited, it asks for again when it is due. */
static bool awaits(const struct machine *machine)
{
    return machine->service == SERVICE_STARTING || machine->drained_ms || machine->data_moved_ms ||
           machine->broken_until_ms || maintenance_is_on(machine);
}

/* Its polls end and begin anew all the time, so that it misses no spec for long: one may have changed when
 * anything did, though nobody noticed when it was shown. */
static bool is_behind(const struct machine *machine, const struct process *process)
{
    return repository_sequence(process->zone->repository) > machine->sequence;
}

static void follow_spec(struct machine *machine, struct process *process)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(view_release) const struct view *view = NULL;
    struct host_spec spec = {0};
    if (machine->fails_hard && !machine->said_broken)
        say_broken(machine, process);
    if (!machine->asks && !awaits(machine) && !is_behind(machine, process) &&
        host_link_heartbeat(process, machine->instance, machine->key, NULL) == 0)
        return;
    machine->asks = host_link_spec(process, machine->instance, machine->key, arena, &view, &spec, NULL) < 0 ||
                    spec.sequence < machine->sequence; /* of one that has fallen behind */
    if (machine->asks) {
        machine_look_in(machine, TRY_AGAIN_MS);
        return;
    }
    machine->sequence = spec.sequence;
    for (size_t i = 0; i < spec.node_count; i++) {
        follow_node(machine, process, &spec.nodes[i]);
        report_node(machine, process, &spec.nodes[i]);
    }
    maintenance_follow(machine, process, &spec);
    if (spec.drain)
        drain(machine, process);
}

/* Until it has happened, each step again and again. */
static void register_host(struct machine *machine, struct process *process)
{
    struct error err = {0};
    if (!machine->published)
        machine->published = host_link_publish_key(process, machine->instance, machine->key, &err) == 0;
    if (machine->published && !machine->ready) {
        machine->asks = machine->ready = host_link_ready(process, machine->instance, machine->key, &err) == 0;
        if (machine->ready)
            world_say(machine->world, "host %s (%s) is ready", machine->instance->hostname,
                      machine->instance->id);
    }
    if (machine->ready)
        follow_spec(machine, process);
    else
        machine_look_in(machine, TRY_AGAIN_MS);
}

static void live(struct machine *machine)
{
    int64_t now = world_now(machine->world);
    if (machine->fate.ends_after_ms && !machine->ready) {
        region_end_instance(machine->world->region, machine->instance,
                            "Server.InternalError: it broke while it booted");
        return;
    }
    if (now < machine->boots_ms) {
        look_at(machine, machine->boots_ms);
        return;
    }
    machine->instance->state = INSTANCE_RUNNING;
    if (machine->fate.never_comes || machine->hangs)
        return;
    if (now < machine->cut_until_ms) {
        look_at(machine, machine->cut_until_ms);
        return;
    }
    struct process *process = servers_any(machine->world, &machine->chance);
    if (process)
        register_host(machine, process);
    else
        machine_look_in(machine, TRY_AGAIN_MS);
    machine_look_in(machine,
                    machine->world->config.limits.host_silent / 3); /* a heartbeat, and what it missed */
}

static void look(void *context, int64_t number)
{
    struct machine *machine = context;
    machine->occurrences--;
    if (number != machine->looks_ms)
        return; /* it was asked to look sooner, and did */
    machine->looks_ms = 0;
    if (runs(machine))
        live(machine);
}
