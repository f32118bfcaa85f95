/* Disks beside a machine's root: a block device in the machine, ciphertext on the computer; needs root. */
#include "localaws/plane/world_fixture_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char disk_path[128];
static const unsigned char first_key[32] = "the first key of this disk......",
                           other_key[32] = "quite another";

static struct plane_disk disk_with(const unsigned char *key)
{
    snprintf(disk_path, sizeof disk_path, "%s/volumes/vol-1.img", world.directory);
    return (struct plane_disk){.id = "vol-1", .name = "sdf", .path = disk_path, .bytes = 1 << 28, .key = key};
}

static void boot(const char *script, const struct plane_disk *disk)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL}, *const none[] = {NULL};
    const struct plane_image image = {"ami-shell", arguments, none, none};
    const struct plane_instance instance = {.id = MACHINE_A,
                                            .account = "1",
                                            .hostname = MACHINE_A,
                                            .vpc_id = "vpc-home",
                                            .image = &image,
                                            .volume_bytes = 1 << 28,
                                            .disks = disk,
                                            .disk_count = disk ? 1 : 0};
    plane_start_instance(world.plane, &instance);
    plane_settle(world.plane);
}

static void stop(void)
{
    plane_stop_instance(world.plane, MACHINE_A, false);
    plane_settle(world.plane);
}

static bool disk_says(const char *what)
{
    for (int64_t until = clock_monotonic_ms() + 5000; clock_monotonic_ms() < until; clock_sleep_ms(5))
        if (text_equal(world.disk_said, what))
            return true;
    return false;
}

/* Waits until the kernel has written everything and let go of the file. */
static bool image_contains(const char *text)
{
    cleanup(file_close) int image = open(disk_path, O_RDONLY | O_CLOEXEC);
    bool found = false;
    char chunk[65536 + 64];
    assert_true(image >= 0);
    assert_int_equal(flock(image, LOCK_EX), 0);
    for (off_t at = lseek(image, 0, SEEK_DATA); at >= 0 && !found; at = lseek(image, at + 65536, SEEK_DATA)) {
        ssize_t got = pread(image, chunk, sizeof chunk, at);
        found = got > 0 && memmem(chunk, (size_t)got, text, strlen(text));
    }
    return found;
}

#define FORMAT "mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && "
#define WRITE \
    "mkdir /mnt/name-in-the-clear && echo contents-in-the-clear > /mnt/name-in-the-clear/f && sync && "

static void a_disk_is_a_device_that_keeps_what_is_written_over_a_stop(void **state)
{
    (void)state;
    struct plane_disk disk = disk_with(first_key);
    boot(FORMAT WRITE "umount /mnt && echo written; sleep 100", &disk);
    assert_true(world_console_has(&world, MACHINE_A, "written", 5000));
    stop();
    boot("mount /dev/sdf /mnt && cat /mnt/name-in-the-clear/f; sleep 100", &disk);
    assert_true(world_console_has(&world, MACHINE_A, "contents-in-the-clear", 5000));
}

static void only_ciphertext_is_in_its_image(void **state)
{
    (void)state;
    struct plane_disk disk = disk_with(first_key);
    boot(FORMAT WRITE "echo written; sleep 100", &disk);
    assert_true(world_console_has(&world, MACHINE_A, "written", 5000));
    stop();
    assert_false(image_contains("contents-in-the-clear"));
    assert_false(image_contains("name-in-the-clear"));
    unlink(disk_path);
    disk = disk_with(NULL);
    boot(FORMAT WRITE "echo in the clear; sleep 100", &disk); /* and so the search can find something */
    assert_true(world_console_has(&world, MACHINE_A, "in the clear", 5000));
    stop();
    assert_true(image_contains("contents-in-the-clear"));
    assert_true(image_contains("name-in-the-clear"));
}

static void it_opens_with_its_own_key_only(void **state)
{
    (void)state;
    struct plane_disk disk = disk_with(first_key);
    boot("sleep 100", &disk);
    stop();
    disk = disk_with(other_key);
    boot("sleep 100", &disk);
    assert_string_equal(world.why, "the volume is encrypted with another key");
}

static void it_comes_and_goes_while_the_machine_runs(void **state)
{
    (void)state;
    struct plane_disk disk = disk_with(first_key);
    boot("while ! [ -e /dev/sdf ]; do sleep 0.05; done; " FORMAT
         "echo mounted; sleep 1; umount /mnt; sleep 100",
         NULL);
    plane_attach_disk(world.plane, MACHINE_A, &disk);
    assert_true(disk_says("vol-1 attached"));
    assert_true(world_console_has(&world, MACHINE_A, "mounted", 5000));
    plane_detach_disk(world.plane, MACHINE_A, "vol-1");
    assert_true(disk_says("vol-1 busy"));
    assert_true(disk_says("vol-1 detached"));
    plane_attach_disk(world.plane, MACHINE_A, &disk);
    assert_true(disk_says("vol-1 attached"));
    plane_attach_disk(world.plane, MACHINE_B, &disk);
    assert_true(disk_says("vol-1 it does not run"));
}

static void a_reboot_keeps_it_and_an_end_takes_it_away(void **state)
{
    (void)state;
    struct plane_disk disk = disk_with(first_key);
    boot("ls /dev/sdf && echo it is there; sleep 100", NULL);
    plane_attach_disk(world.plane, MACHINE_A, &disk);
    assert_true(disk_says("vol-1 attached"));
    plane_reboot_instance(world.plane, MACHINE_A);
    assert_true(world_console_has(&world, MACHINE_A, "it is there", 5000));
    assert_int_equal(world.stopped, 0);
    stop();
    world.disk_said[0] = '\0';
    boot("sleep 100", &disk); /* opens, so it was let go */
    assert_int_equal(world.running, 3);
}

int main(void)
{
    struct error err;
    if (geteuid() != 0)
        return 77;
    log_open_named("disk_root_test", "error", "text", &err);
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_raise_empty, world_lower)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_disk_is_a_device_that_keeps_what_is_written_over_a_stop),
        IN_WORLD(only_ciphertext_is_in_its_image),
        IN_WORLD(it_opens_with_its_own_key_only),
        IN_WORLD(it_comes_and_goes_while_the_machine_runs),
        IN_WORLD(a_reboot_keeps_it_and_an_end_takes_it_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
