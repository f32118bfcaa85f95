/* What the plane tells a machine's first process, as one JSON record on its standard input (a memory file:
 * the volume's key is never on a disk or a command line). The first process answers on descriptor BOOT_REPORT
 * with "running", or with "failed: why" before it ends. */
#ifndef LOCALAWS_INIT_BOOT_H
#define LOCALAWS_INIT_BOOT_H

#include "base/record.h"

enum { BOOT_REPORT = 3, BOOT_LARGEST = 1 << 20, VOLUME_KEY_BYTES = 32 };

struct volume_file {
    char *path, *key; /* the key in base64; NULL: the volume is not encrypted */
    int64_t bytes;
    bool opened; /* `path` is a directory with its files as they are: nothing is to be decrypted */
};

/* A disk beside the root: a block device that is open already (init_disk.c), by its name in /dev. */
struct disk_node {
    char *name;
    int64_t minor_number; /* of the loop device */
};

struct boot {
    char *id, *hostname;
    struct volume_file volume;
    struct disk_node *disks;
    size_t disk_count;
    char **arguments; /* the program */
    size_t argument_count;
    char **environment; /* "KEY=value" */
    size_t environment_count;
    char **binds; /* "/from:/to", seen read-only */
    size_t bind_count;
    char **resolvers; /* addresses of name servers */
    size_t resolver_count;
};

extern const struct record boot_record;
extern const struct record volume_file_record; /* all that is told to whom it makes a disk */

/* Reads a record of that kind from standard input, which is closed; wipes what it read. */
int boot_read(const struct record *record, struct arena *arena, void *told, struct error *err);

/* init_root.c: a root of the machine's own, in its own mount namespace, with the volume's directories in it.
 */
int root_build(const struct boot *boot, struct error *err);
/* init_volume.c: the volume, made when it is not there, mounted at `place`; what the machine sees of it is
 * below `<place>/data`, encrypted when there is a key. Leaves the process in `devices`, a directory for
 * device nodes. */
int volume_mount(const struct volume_file *volume, const char *devices, const char *place, struct error *err);
/* init_volume_directory.c: the same for one that is open already. */
int volume_show(const struct volume_file *volume, const char *place, struct error *err);
/* Attaches a file to a free loop device: a descriptor of it, with whose last the device lets go of the file.
 * Makes its nodes in the working directory, which is one for device nodes, and leaves none. */
int loop_attach(int image, int *device, struct error *err);
/* init_disk.c: opens a volume as a block device and keeps it open until told to end, and then until nobody
 * uses it. Reports "ready MINOR", "busy" and "failed: why". Gives the exit status. */
int disk_serve(int report);
/* init_run.c: runs the program until told to end, from outside or by the machine's own root user; gives the
 * exit status of the machine: BOOT_AGAIN when it wants to be rebooted. */
enum { BOOT_AGAIN = 3 };
int program_run(const struct boot *boot, int report);

/* What a machine may never do to the computer it runs on. */
void capabilities_give_up(void);
/* init_keep.c: runs a program beside the machine's own and waits for it. On SIGTERM ends it and everything it
 * started. Gives its exit status; ends itself by the signal that ended the program. */
int program_keep(char **arguments, bool terminal);

/* A read-only view of `from`, with all that is mounted below it, at `to`. */
int mount_view(const char *from, const char *to, struct error *err);
/* mount(2) with the target made first; options may be NULL. */
int mount_new(const char *type, const char *target, unsigned long flags, const char *options,
              struct error *err);

#endif
