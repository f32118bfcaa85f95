/* The plane's thread and the calls that reach it. See plane/parts.h for how the parts work together. */
#include "localaws/plane/plane.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/plane/door.h"
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PASS_MS = 1000, CONNECT_TIMEOUT_MS = 5000, LABEL_LONGEST = 32 };

void job_queue(struct plane *plane, struct job *job)
{
    pthread_mutex_lock(&plane->lock);
    *plane->last_job = job;
    plane->last_job = &job->next;
    pthread_mutex_unlock(&plane->lock);
    eventfd_write(plane->wake, 1);
}

struct job *job_new(void (*run)(struct plane *plane, struct job *job))
{
    struct arena *arena = arena_new();
    struct job *job = arena_alloc(arena, sizeof *job);
    job->arena = arena;
    job->run = run;
    return job;
}

static void want_vpc(struct plane *plane, struct job *job)
{
    const struct plane_vpc *vpc = job->wanted;
    struct network *network = network_find(plane, vpc->id);
    if (!network)
        network = network_add(plane, vpc->id);
    arena_free(&network->arena);
    network->arena = take(&job->arena);
    network->wanted = vpc;
    network->changed = true;
    if (plane->cuts)
        networks_changed(plane);
}

static void unwant_vpc(struct plane *plane, struct job *job)
{
    struct network *network = network_find(plane, job->wanted);
    if (network)
        network->wanted = NULL;
}

void plane_apply_vpc(struct plane *plane, const struct plane_vpc *vpc)
{
    struct job *job = job_new(want_vpc);
    job->wanted = plane_copy_vpc(job->arena, vpc);
    job_queue(plane, job);
}

void plane_remove_vpc(struct plane *plane, const char *vpc_id)
{
    struct job *job = job_new(unwant_vpc);
    job->wanted = arena_strdup(job->arena, vpc_id);
    job_queue(plane, job);
}

void plane_start_instance(struct plane *plane, const struct plane_instance *instance)
{
    struct job *job = job_new(machine_want);
    job->wanted = plane_copy_instance(job->arena, instance);
    job_queue(plane, job);
}

static void queue_end(struct plane *plane, const char *id, bool remove_volume, bool hard)
{
    struct job *job = job_new(machine_unwant);
    job->wanted = arena_strdup(job->arena, id);
    job->remove_volume = remove_volume;
    job->hard = hard;
    job_queue(plane, job);
}

void plane_stop_instance(struct plane *plane, const char *id, bool remove_volume)
{
    queue_end(plane, id, remove_volume, false);
}

void plane_kill_instance(struct plane *plane, const char *id, bool remove_volume)
{
    queue_end(plane, id, remove_volume, true);
}

void plane_reboot_instance(struct plane *plane, const char *id)
{
    struct job *job = job_new(machine_reboot);
    job->wanted = arena_strdup(job->arena, id);
    job_queue(plane, job);
}

void plane_apply_balancer(struct plane *plane, const struct plane_balancer *balancer)
{
    struct job *job = job_new(balancer_want);
    job->wanted = plane_copy_balancer(job->arena, balancer);
    job_queue(plane, job);
}

void plane_remove_balancer(struct plane *plane, const char *name)
{
    struct job *job = job_new(balancer_unwant);
    job->wanted = arena_strdup(job->arena, name);
    job_queue(plane, job);
}

struct question {
    void (*look)(struct plane *plane, void *context);
    void *context;
    sem_t answered;
};

static void answer(struct plane *plane, struct job *job)
{
    job->question->look(plane, job->question->context);
    sem_post(&job->question->answered);
}

void plane_ask(struct plane *plane, void (*look)(struct plane *plane, void *context), void *context)
{
    struct question question = {.look = look, .context = context};
    sem_init(&question.answered, 0, 0);
    struct job *job = job_new(answer);
    job->question = &question;
    job_queue(plane, job);
    while (sem_wait(&question.answered) < 0)
        continue; /* a signal */
    sem_destroy(&question.answered);
}

void plane_apply_link(struct plane *plane, const struct plane_link *link)
{
    struct job *job = job_new(link_want);
    job->wanted = plane_copy_link(job->arena, link);
    job_queue(plane, job);
}

void plane_remove_link(struct plane *plane, const char *id)
{
    plane_remove_balancer(plane, id);
}

/* Takes every job there is: how many does not change what one pass costs. */
static void run_jobs(struct plane *plane)
{
    pthread_mutex_lock(&plane->lock);
    struct job *jobs = plane->jobs;
    plane->jobs = NULL;
    plane->last_job = &plane->jobs;
    plane->quiet = false;
    pthread_mutex_unlock(&plane->lock);
    while (jobs) {
        struct job *job = jobs;
        jobs = job->next;
        struct arena *arena = job->arena; /* run may give it to a table, and the job with it */
        job->run(plane, job);
        if (job->arena)
            arena_free(&arena);
    }
}

static void reconcile(struct plane *plane)
{
    machines_prepare(plane);
    networks_reconcile(plane);
    balancing_apply(plane);
    machines_start(plane);
}

static bool finished(struct plane *plane)
{
    pthread_mutex_lock(&plane->lock);
    plane->quiet = !plane->jobs && machines_quiet(plane) && disks_quiet(plane);
    if (plane->quiet)
        pthread_cond_broadcast(&plane->settled);
    bool ending = plane->ending && plane->quiet;
    pthread_mutex_unlock(&plane->lock);
    return ending;
}

/* Sleeps until there is a job or a machine has something to say. */
static void wait_for_something(struct plane *plane)
{
    size_t count = 1;
    for (struct machine *machine = plane->machines; machine; machine = machine->next)
        count += 3;
    for (struct disk *disk = plane->disks; disk; disk = disk->next)
        count += 2;
    struct pollfd *polled = memory_array(count, sizeof *polled);
    polled[0] = (struct pollfd){.fd = plane->wake, .events = POLLIN};
    size_t made = 1;
    bool impatient = false;
    for (struct machine *machine = plane->machines; machine; machine = machine->next) {
        const int descriptors[] = {machine->process, machine->report, machine->console};
        for (size_t i = 0; i < COUNT_OF(descriptors); i++)
            polled[made++] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
        impatient |= machine->state == MACHINE_STOPPING;
    }
    for (struct disk *disk = plane->disks; disk; disk = disk->next) {
        polled[made++] = (struct pollfd){.fd = disk->process, .events = POLLIN};
        polled[made++] = (struct pollfd){.fd = disk->report, .events = POLLIN};
    }
    poll(polled, count, machines_need_pass(plane) ? 0 : impatient ? PASS_MS : -1);
    eventfd_t woken;
    if (polled[0].revents)
        eventfd_read(plane->wake, &woken);
    free(polled);
}

static void *plane_thread(void *argument)
{
    struct plane *plane = argument;
    pthread_setname_np(pthread_self(), "plane");
    do {
        wait_for_something(plane);
        for (struct machine *machine = plane->machines; machine; machine = machine->next)
            machine_read(plane, machine);
        disks_read(plane);
        run_jobs(plane);
        reconcile(plane);
    } while (!finished(plane));
    return NULL;
}

void plane_settle(struct plane *plane)
{
    pthread_mutex_lock(&plane->lock);
    while (plane->jobs || !plane->quiet)
        pthread_cond_wait(&plane->settled, &plane->lock);
    pthread_mutex_unlock(&plane->lock);
    balancing_settle(plane);
}

int plane_internet_listen(struct plane *plane, const char *address, uint16_t port, int *socket,
                          struct error *err)
{
    cleanup(buffer_free) struct buffer commands = buffer_new(256);
    buffer_format(&commands, "addr replace %s/%s dev lo%s\n", address, strchr(address, ':') ? "128" : "32",
                  strchr(address, ':') ? " nodad" : "");
    if (namespace_ip(plane->internet, &commands, err) < 0)
        return -1;
    return namespace_listen(plane->internet, SOCK_STREAM, address, port, socket, err);
}

char *plane_house_of(struct plane *plane, struct arena *arena, int connection)
{
    return door_house(plane, arena, connection);
}

int plane_internet_connect(struct plane *plane, const char *address, uint16_t port, int *socket,
                           struct error *err)
{
    return namespace_connect(plane->internet, address, port, CONNECT_TIMEOUT_MS, socket, err);
}

/* The directory's full name is kept: machines get to know files in it by that. */
static int prepare_directories(struct plane *plane, struct error *err)
{
    static const char *const directories[] = {"", "/volumes", "/consoles", "/machines"};
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        cleanup(memory_free) char *path = memory_format("%s%s", plane->directory, directories[i]);
        if (directory_make(path, 0750, err) < 0)
            return -1;
    }
    char *full = realpath(plane->directory, NULL);
    if (!full)
        return error_errno(err, ERROR_INTERNAL, "find %s", plane->directory);
    free(plane->directory);
    plane->directory = full;
    return 0;
}

static void remove_everything(struct plane *plane)
{
    balancing_stop(plane);
    while (plane->owners)
        owner_remove(plane, plane->owners->name);
    for (struct network *network = plane->networks; network; network = network->next)
        network->wanted = NULL;
    networks_reconcile(plane);
    doors_stop(plane);
    names_stop(plane);
    metadata_stop(plane);
    machines_forget(plane);
    cuts_forget(plane);
    if (plane->internet > 0) {
        close(plane->internet);
        namespace_remove(plane->internet_name);
    }
}

static void free_plane(struct plane **plane)
{
    if (!*plane)
        return;
    remove_everything(*plane);
    close((*plane)->wake);
    if ((*plane)->label_lock >= 0)
        unlink((*plane)->lock_path);
    file_close(&(*plane)->label_lock);
    free((*plane)->lock_path);
    pthread_mutex_destroy(&(*plane)->lock);
    pthread_cond_destroy(&(*plane)->settled);
    free((*plane)->directory);
    free((*plane)->label);
    free((*plane)->api_address);
    free((*plane)->init);
    free((*plane)->internet_name);
    free(*plane);
    *plane = NULL;
}

int plane_start(const char *directory, const char *label, const char *api_address, bool rootless,
                const struct plane_callbacks *callbacks, struct plane **plane, struct error *err)
{
    if (plane_check_machine(rootless, err) < 0)
        return -1;
    if (text_empty(label) || strlen(label) > LABEL_LONGEST || !text_only(label, "a-z0-9-"))
        return error_set(err, ERROR_INVALID, "a label has 1 to %d of a-z, 0-9 and -", LABEL_LONGEST);
    cleanup(free_plane) struct plane *made = memory_alloc(sizeof *made);
    made->directory = memory_strdup(directory);
    made->label = memory_strdup(label);
    made->api_address = memory_strdup(api_address);
    made->rootless = rootless;
    made->callbacks = *callbacks;
    made->last_job = &made->jobs;
    made->last_balancer_order = &made->balancer_orders;
    made->label_lock = -1;
    made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->settled, NULL);
    made->quiet = true;
    made->init = plane_find_init(err);
    if (!made->init || prepare_directories(made, err) < 0)
        return -1;
    made->lock_path = memory_format("/run/localaws-%s.lock", label);
    if (file_lock(made->lock_path, &made->label_lock, err) < 0)
        return error_context(err, "networks and machines labelled %s", label);
    leftovers_remove(made->directory, label);
    if (internet_create(made, err) < 0 || doors_start(made, err) < 0 || metadata_start(made, err) < 0 ||
        names_start(made, err) < 0 || balancing_start(made, err) < 0)
        return -1;
    if (pthread_create(&made->thread, NULL, plane_thread, made) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "the plane's thread cannot be started");
    *plane = take(&made);
    return 0;
}

/* Every machine is told to end in one pass, so that they end side by side. */
static void stop_all(struct plane *plane, struct job *job)
{
    (void)job;
    for (struct machine *machine = plane->machines; machine; machine = machine->next)
        machine_end(machine);
    pthread_mutex_lock(&plane->lock);
    plane->ending = true;
    pthread_mutex_unlock(&plane->lock);
}

void plane_stop(struct plane **plane)
{
    if (!*plane)
        return;
    job_queue(*plane, job_new(stop_all));
    pthread_join((*plane)->thread, NULL);
    free_plane(plane);
}
