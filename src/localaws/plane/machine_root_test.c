/* Machines: their volumes, their first process, what is left when they are gone; needs root. */
#include "localaws/plane/world_fixture_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/plane/namespace.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char box_bind[600];

static const unsigned char first_key[32] = "the first key of this machine..",
                           other_key[32] = "quite another key, for refusals";

static struct plane_image shell_image(const char *script)
{
    static const char *arguments[4] = {"/bin/sh", "-c", NULL, NULL};
    static const char *binds[2];
    arguments[2] = script;
    binds[0] = box_bind;
    return (struct plane_image){"ami-shell", arguments, NULL, binds};
}

static void boot(const char *script, const unsigned char *key)
{
    struct plane_image image = shell_image(script);
    world_start_machine(&world, MACHINE_A, &image, key);
    plane_settle(world.plane);
}

static void stop(void)
{
    plane_stop_instance(world.plane, MACHINE_A, false);
    plane_settle(world.plane);
}

static bool image_contains(const char *text)
{
    cleanup(memory_free) char *path = memory_format("%s/volumes/" MACHINE_A ".img", world.directory);
    cleanup(file_close) int image = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    assert_int_equal(fstat(image, &status), 0);
    bool found = false;
    char chunk[65536 + 64];
    for (off_t at = lseek(image, 0, SEEK_DATA); at >= 0 && !found; at = lseek(image, at + 65536, SEEK_DATA)) {
        ssize_t got = pread(image, chunk, sizeof chunk, at);
        found = got > 0 && memmem(chunk, (size_t)got, text, strlen(text));
    }
    return found;
}

static void a_machine_boots_quickly(void **state)
{
    (void)state;
    int64_t begun = clock_monotonic_ms();
    boot("sleep 100", first_key);
    int64_t took = clock_monotonic_ms() - begun;
    assert_int_equal(world.running, 1);
    print_message("booted in %d ms\n", (int)took);
    assert_true(took < 1500); /* 300 and less when nobody else uses the machine */
}

static void an_encrypted_volume_holds_only_ciphertext(void **state)
{
    (void)state;
    boot("echo marker-that-is-secret | tee /var/lib/marker-name > /dev/null; sync; echo written; sleep 100",
         first_key);
    assert_true(world_console_has(&world, MACHINE_A, "written", 3000));
    stop();
    assert_false(image_contains("marker-that-is-secret"));
    assert_false(image_contains("marker-name"));
    boot("cat /var/lib/marker-name; sleep 100", first_key);
    assert_true(world_console_has(&world, MACHINE_A, "marker-that-is-secret", 3000));
}

static void an_unencrypted_volume_shows_what_encryption_hides(void **state)
{
    (void)state;
    boot("echo marker-that-is-plain > /var/lib/marker; sync; echo written; sleep 100", NULL);
    assert_true(world_console_has(&world, MACHINE_A, "written", 3000));
    stop();
    assert_true(image_contains("marker-that-is-plain"));
}

static void a_volume_opens_with_its_own_key_only(void **state)
{
    (void)state;
    boot("sleep 100", first_key);
    stop();
    boot("sleep 100", other_key);
    assert_string_equal(world.why, "the volume is encrypted with another key");
    boot("sleep 100", NULL);
    assert_string_equal(world.why, "the volume is encrypted and there is no key for it");
    assert_int_equal(world.running, 1);
}

static void a_program_that_ends_is_started_again_and_its_children_live_on(void **state)
{
    (void)state;
    boot("if [ -e /run/child ]; then kill -0 $(cat /run/child) && echo child lives; sleep 100; fi\n"
         "sleep 100 & echo $! > /run/child; kill -9 $$",
         NULL);
    assert_true(world_console_has(&world, MACHINE_A, "program ended (signal 9)", 3000));
    assert_true(world_console_has(&world, MACHINE_A, "child lives", 3000));
}

static void a_program_that_cannot_run_is_told(void **state)
{
    const struct plane_image missing = {"ami-missing", (const char *const[]){"/opt/missing", NULL}, NULL,
                                        NULL};
    (void)state;
    world_start_machine(&world, MACHINE_A, &missing, NULL);
    plane_settle(world.plane);
    assert_int_equal(world.running, 0);
    assert_int_equal(world.stopped, 1);
    assert_string_equal(world.why, "run /opt/missing: No such file or directory");
}

static void a_program_is_told_to_end(void **state)
{
    (void)state;
    boot("trap 'echo farewell; exit' TERM; echo ready; while :; do sleep 0.05; done", NULL);
    assert_true(world_console_has(&world, MACHINE_A, "ready", 3000));
    stop();
    assert_true(world_console_has(&world, MACHINE_A, "farewell", 0));
    assert_string_equal(world.why, "its processes ended");
}

static void a_machine_sees_nothing_of_the_host_but_its_programs(void **state)
{
    (void)state;
    boot("for place in /root /home /srv /mnt /media /opt /var/lib; do echo $place: $(ls -A $place); done\n"
         "touch /usr/x /etc/ssl/x /sys/x /opt/box 2>/dev/null || echo read-only\n"
         "[ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ] && echo alone; echo host $(hostname); echo looked; sleep "
         "100",
         NULL);
    assert_true(world_console_has(&world, MACHINE_A, "looked", 3000));
    static const char *const lines[] = {"/root:\n",    "/home:\n",    "/srv:\n", "/opt: box\n",
                                        "/var/lib:\n", "read-only\n", "alone\n", "host " MACHINE_A "\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (!world_console_has(&world, MACHINE_A, lines[i], 0))
            fail_msg("not on the console: %s", lines[i]);
}

static void a_machine_runs_containers(void **state)
{
    (void)state;
    boot("printf '[containers]\\ndefault_sysctls = []\\n' > /run/containers.conf\n"
         "export CONTAINERS_CONF=/run/containers.conf\n"
         "p='podman --root /var/lib/c --runroot /run/c --storage-driver vfs --cgroup-manager cgroupfs "
         "--events-backend file'\n"
         "tar -C /opt -c box | $p import -q --change ENTRYPOINT='[\"/box\"]' - box && ip netns add inner && "
         "$p run --rm --cgroups=disabled --network=ns:/run/netns/inner --read-only --cap-drop all --uidmap "
         "0:100000:65536 "
         "--gidmap 0:100000:65536 box 2>&1; echo over; sleep 100",
         first_key);
    assert_true(world_console_has(&world, MACHINE_A, "over", 20000));
    assert_true(world_console_has(&world, MACHINE_A, "hello from the box", 0));
}

static void a_machine_resolves_names_of_its_vpc(void **state)
{
    (void)state;
    boot("getent ahostsv6 Front.Example; getent ahostsv4 front.example; getent hosts nobody.example; echo "
         "over; "
         "sleep 100",
         NULL);
    assert_true(world_console_has(&world, MACHINE_A, "over", 5000));
    assert_true(world_console_has(&world, MACHINE_A, "2001:db8:1:1::20", 0));
    assert_true(world_console_has(&world, MACHINE_A, "10.1.1.20", 0));
}

static void a_talkative_machine_fills_no_disk(void **state)
{
    cleanup(memory_free) char *path = memory_format("%s/consoles/" MACHINE_A ".log", world.directory);
    struct stat status;
    (void)state;
    boot("yes 'a line that says nothing' | head -c 5000000; echo the end; sleep 100", NULL);
    assert_true(world_console_has(&world, MACHINE_A, "the end", 5000));
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size <= 1 << 20);
}

static void a_terminated_machine_takes_its_volume_along(void **state)
{
    cleanup(memory_free) char *path = memory_format("%s/volumes/" MACHINE_A ".img", world.directory);
    (void)state;
    boot("sleep 100", NULL);
    assert_true(file_exists(path));
    plane_stop_instance(world.plane, MACHINE_A, true);
    plane_settle(world.plane);
    assert_false(file_exists(path));
    assert_int_equal(world.stopped, 1);
}

static void a_machine_is_stopped_and_started_in_one_go(void **state)
{
    (void)state;
    boot("sleep 100", NULL);
    plane_stop_instance(world.plane, MACHINE_A, false);
    boot("echo second life; sleep 100", NULL);
    assert_true(world_console_has(&world, MACHINE_A, "second life", 3000));
    assert_int_equal(world.running, 2);
    assert_int_equal(world.stopped, 1);
}

/* How many lines of a file, or names of a directory, hold the text. */
static int count_in(const char *path, const char *text)
{
    int count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += strstr(entry->d_name, text) != NULL;
    if (directory) {
        closedir(directory);
        return count;
    }
    FILE *file = fopen(path, "re");
    char line[8192];
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return count;
}

static int loops_of(const char *directory)
{
    int count = 0;
    for (int i = 0; i < 64; i++) {
        char path[64];
        snprintf(path, sizeof path, "/sys/block/loop%d/loop/backing_file", i);
        count += count_in(path, directory);
    }
    return count;
}

/* The kernel lets go of a loop device a moment after its unmount, and udev may be looking at it. */
static void assert_no_loops(const char *directory)
{
    for (int64_t until = clock_monotonic_ms() + 5000; loops_of(directory) && clock_monotonic_ms() < until;)
        clock_sleep_ms(20);
    assert_int_equal(loops_of(directory), 0);
}

static void assert_nothing_left(void)
{
    assert_no_loops(world.directory);
    assert_int_equal(count_in(NAMESPACE_DIRECTORY, WORLD_LABEL), 0);
    assert_int_equal(count_in("/proc/self/mountinfo", world.directory), 0);
    assert_int_equal(count_in("/proc/self/mountinfo", WORLD_LABEL), 0);
}

static void a_stopped_plane_leaves_nothing(void **state)
{
    struct error err = {0};
    (void)state;
    world = (struct plane_world){0};
    int64_t begun = clock_monotonic_ms();
    assert_int_equal(world_make(&world, &err), 0);
    assert_int_equal(world_populate(&world, &err), 0);
    plane_apply_balancer(world.plane, &(struct plane_balancer){.name = "front", .vpc_id = "vpc-home"});
    plane_settle(world.plane);
    print_message("two VPCs and four machines in %d ms\n", (int)(clock_monotonic_ms() - begun));
    assert_int_equal(loops_of(world.directory), 4);
    assert_int_equal(count_in(NAMESPACE_DIRECTORY, WORLD_LABEL), 8);
    plane_stop(&world.plane);
    assert_nothing_left();
    tree_remove(world.directory, NULL);
}

static void a_label_belongs_to_one_plane_at_a_time(void **state)
{
    struct plane_world second = {0};
    struct error err = {0};
    (void)state;
    assert_int_equal(world_make(&second, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    tree_remove(second.directory, NULL);
}

static void a_killed_planes_remains_are_removed_by_the_next(void **state)
{
    struct plane_world *shared =
        mmap(NULL, sizeof world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct error err = {0};
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        if (world_make(shared, &err) == 0 && world_populate(shared, &err) == 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_in(NAMESPACE_DIRECTORY, WORLD_LABEL), 7);
    log_open("plane-test", LOG_LEVEL_ERROR, false);
    assert_int_equal(world_make(&world, &err), 0);
    assert_int_equal(count_in(NAMESPACE_DIRECTORY, WORLD_LABEL), 1); /* its own internet */
    plane_stop(&world.plane);
    assert_nothing_left();
    assert_no_loops(shared->directory);
    tree_remove(shared->directory, NULL);
    tree_remove(world.directory, NULL);
    munmap(shared, sizeof world);
}

static void find_box(void)
{
    char here[512] = "";
    if (readlink("/proc/self/exe", here, sizeof here - 1) > 0)
        *strrchr(here, '/') = '\0';
    snprintf(box_bind, sizeof box_bind, "%s/plane_box_test:/opt/box", here);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, world_raise_empty, world_lower)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_machine_boots_quickly),
        IN_A_WORLD(an_encrypted_volume_holds_only_ciphertext),
        IN_A_WORLD(an_unencrypted_volume_shows_what_encryption_hides),
        IN_A_WORLD(a_volume_opens_with_its_own_key_only),
        IN_A_WORLD(a_program_that_ends_is_started_again_and_its_children_live_on),
        IN_A_WORLD(a_program_that_cannot_run_is_told),
        IN_A_WORLD(a_program_is_told_to_end),
        IN_A_WORLD(a_machine_sees_nothing_of_the_host_but_its_programs),
        IN_A_WORLD(a_machine_runs_containers),
        IN_A_WORLD(a_machine_resolves_names_of_its_vpc),
        IN_A_WORLD(a_talkative_machine_fills_no_disk),
        IN_A_WORLD(a_terminated_machine_takes_its_volume_along),
        IN_A_WORLD(a_machine_is_stopped_and_started_in_one_go),
        IN_A_WORLD(a_label_belongs_to_one_plane_at_a_time),
        cmocka_unit_test(a_stopped_plane_leaves_nothing),
        cmocka_unit_test(a_killed_planes_remains_are_removed_by_the_next),
    };
    if (geteuid() != 0)
        return 77;
    log_open("plane-test", LOG_LEVEL_WARNING, false);
    find_box();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
