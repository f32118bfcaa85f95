/* The volume: an image file with an ext4 file system, attached as a loop device that the kernel lets go of by
 * itself when the machine ends, whatever ends it. With a key everything the machine writes is below one
 * directory that the kernel encrypts with it (fscrypt, version 2 policies): names and contents are ciphertext
 * in the image. */
#include "localaws/init/boot.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fscrypt.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LOOP_MAJOR = 7, LOOP_CONTROL_MINOR = 237, ATTEMPTS = 64, LOCK_MS = 5000 };

static int make_file_system(const struct volume_file *volume, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(memory_free) char *unfinished = memory_format("%s.new", volume->path);
    cleanup(file_close) int image = open(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (image < 0 || ftruncate(image, volume->bytes) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make the volume %s", unfinished);
    struct process mkfs = {
        .argv = (const char *const[]){"mkfs.ext4", "-q", "-F", "-O", "encrypt", "-m", "0", "-E",
                                      "nodiscard,lazy_itable_init=1,lazy_journal_init=1", unfinished, NULL},
        .timeout_ms = 60000,
    };
    if (process_run(&mkfs, arena, NULL, err) < 0)
        return error_context(err, "volume %s", volume->path);
    if (rename(unfinished, volume->path) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "name the volume %s", volume->path);
    return 0;
}

/* Device nodes of our own, in the machine's new /dev, which is where we are: the host's may have none for
 * loop devices. */
static int open_node(const char *name, unsigned major_number, unsigned minor_number, mode_t kind)
{
    unlink(name);
    if (mknod(name, kind | 0600, makedev(major_number, minor_number)) < 0)
        return -1;
    int opened = open(name, O_RDWR | O_CLOEXEC);
    if (opened < 0)
        unlink(name);
    return opened;
}

/* Another machine may take the free device between asking for it and taking it: then ask again. */
int loop_attach(int image, int *device, struct error *err)
{
    cleanup(file_close) int control = open_node("loop-control", 10, LOOP_CONTROL_MINOR, S_IFCHR);
    if (control < 0)
        return error_errno(err, ERROR_INTERNAL, "open the loop devices' control");
    unlink("loop-control");
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return error_errno(err, ERROR_UNAVAILABLE, "get a free loop device");
        cleanup(file_close) int loop = open_node("volume", LOOP_MAJOR, (unsigned)number, S_IFBLK);
        struct loop_config config = {.fd = (unsigned)image, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
        if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
            *device = loop;
            loop = -1;
            return 0;
        }
        if (loop >= 0 && errno != EBUSY)
            return error_errno(err, ERROR_UNAVAILABLE, "attach the volume to loop device %d", number);
    }
    return error_set(err, ERROR_UNAVAILABLE, "every free loop device was taken by somebody else");
}

static int add_key(int directory, const struct volume_file *volume, struct fscrypt_key_specifier *specifier,
                   struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct {
        struct fscrypt_add_key_arg argument;
        unsigned char raw[VOLUME_KEY_BYTES];
    } key = {.argument = {.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER, .raw_size = VOLUME_KEY_BYTES}};
    unsigned char *bytes;
    size_t length;
    if (base64_decode(arena, volume->key, &bytes, &length, err) < 0)
        return error_context(err, "key of the volume");
    if (length != VOLUME_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "the volume's key has %zu bytes, not %d", length,
                         VOLUME_KEY_BYTES);
    memcpy(key.argument.raw, bytes, length);
    explicit_bzero(bytes, length);
    int result = ioctl(directory, FS_IOC_ADD_ENCRYPTION_KEY, &key.argument);
    explicit_bzero(key.argument.raw, sizeof key.raw);
    if (result < 0)
        return error_errno(err, ERROR_UNAVAILABLE,
                           "the volume cannot be encrypted here (fscrypt): give the kernel "
                           "the key of %s",
                           volume->path);
    *specifier = key.argument.key_spec;
    return 0;
}

/* A new directory gets the policy; one that has a policy must have this key's. */
static int encrypt_directory(int directory, const struct fscrypt_key_specifier *specifier, struct error *err)
{
    struct fscrypt_get_policy_ex_arg has = {.policy_size = sizeof has.policy};
    if (ioctl(directory, FS_IOC_GET_ENCRYPTION_POLICY_EX, &has) == 0) {
        if (has.policy.version != FSCRYPT_POLICY_V2 ||
            memcmp(has.policy.v2.master_key_identifier, specifier->u.identifier,
                   FSCRYPT_KEY_IDENTIFIER_SIZE) != 0)
            return error_set(err, ERROR_FORBIDDEN, "the volume is encrypted with another key");
        return 0;
    }
    struct fscrypt_policy_v2 policy = {
        .version = FSCRYPT_POLICY_V2,
        .contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
        .filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
        .flags = FSCRYPT_POLICY_FLAGS_PAD_32,
    };
    memcpy(policy.master_key_identifier, specifier->u.identifier, FSCRYPT_KEY_IDENTIFIER_SIZE);
    if (ioctl(directory, FS_IOC_SET_ENCRYPTION_POLICY, &policy) < 0)
        return error_errno(err, ERROR_UNAVAILABLE,
                           "the volume cannot be encrypted here (fscrypt): set the policy");
    return 0;
}

static int open_data(const struct volume_file *volume, const char *place, struct error *err)
{
    cleanup(memory_free) char *data = memory_format("%s/data", place);
    if (directory_make(data, 0755, err) < 0)
        return -1;
    cleanup(file_close) int directory = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_errno(err, ERROR_INTERNAL, "open %s", data);
    struct fscrypt_get_policy_ex_arg has = {.policy_size = sizeof has.policy};
    if (!volume->key)
        return ioctl(directory, FS_IOC_GET_ENCRYPTION_POLICY_EX, &has) < 0
                   ? 0
                   : error_set(err, ERROR_FORBIDDEN, "the volume is encrypted and there is no key for it");
    struct fscrypt_key_specifier specifier;
    if (add_key(directory, volume, &specifier, err) < 0)
        return -1;
    return encrypt_directory(directory, &specifier, err);
}

/* The lock belongs to the open file, which the loop device keeps: so it lasts until whoever had the volume
 * before has let go of all of it, which the kernel does a little after the last process is gone. */
static int lock_image(int image, struct error *err)
{
    for (int64_t until = clock_monotonic_ms() + LOCK_MS; flock(image, LOCK_EX | LOCK_NB) < 0;
         clock_sleep_ms(2))
        if (errno != EWOULDBLOCK || clock_monotonic_ms() >= until)
            return error_errno(err, ERROR_CONFLICT, "it is still open elsewhere");
    return 0;
}

/* A volume that was made bigger: its file and the file system in it follow, before it is opened. */
static int grow(int image, const struct volume_file *volume, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct stat status;
    if (fstat(image, &status) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "look at the volume %s", volume->path);
    if (status.st_size >= volume->bytes)
        return 0;
    struct process check = {.argv = (const char *const[]){"e2fsck", "-fp", volume->path, NULL}},
                   resize = {.argv = (const char *const[]){"resize2fs", volume->path, NULL}};
    struct error
        ignored; /* it also "fails" when it mended something; what it could not mend, the other refuses */
    if (ftruncate(image, volume->bytes) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "make the volume %s bigger", volume->path);
    process_run(&check, arena, NULL, &ignored);
    if (process_run(&resize, arena, NULL, err) < 0)
        return error_context(err, "make the volume %s bigger", volume->path);
    return 0;
}

int volume_mount(const struct volume_file *volume, const char *devices, const char *place, struct error *err)
{
    if (!file_exists(volume->path) && make_file_system(volume, err) < 0)
        return -1;
    cleanup(file_close) int image = open(volume->path, O_RDWR | O_CLOEXEC);
    if (image < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open the volume %s", volume->path);
    if (lock_image(image, err) < 0)
        return error_context(err, "volume %s", volume->path);
    if (grow(image, volume, err) < 0)
        return -1;
    cleanup(file_close) int device = -1;
    if (chdir(devices) < 0 || loop_attach(image, &device, err) < 0)
        return -1;
    if (mount("volume", place, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "mount the volume %s", volume->path);
    unlink("volume");
    return open_data(volume, place, err);
}
