#include "store/zookeeper_server.h"

#include "base/file.h"
#include "base/process.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>

/* ZooKeeper keeps the last 500 writes in memory beside the records, whatever their size: a storm of large
 * ones must fit. What is not needed goes back to the system. */
enum { HEAP_MB = 512 };

/* A tick is half a second: sessions last from 1 to 30 s, a follower that is silent for 3 s is given up, and
 * so is an election whose winner nobody follows within 5 s. A server answers one of ZooKeeper's four-letter
 * words, `srvr`, which says whether it leads. */
static const char common_configuration[] = "tickTime=500\n"
                                           "initLimit=10\n"
                                           "syncLimit=6\n"
                                           "minSessionTimeout=1000\n"
                                           "maxSessionTimeout=30000\n"
                                           "maxClientCnxns=60\n"
                                           "snapCount=20000\n"
                                           "preAllocSize=16384\n"
                                           "autopurge.snapRetainCount=3\n"
                                           "autopurge.purgeInterval=1\n"
                                           "admin.enableServer=false\n"
                                           "4lw.commands.whitelist=srvr\n"
                                           "reconfigEnabled=false\n"
                                           "skipACL=no\n"
                                           "forceSync=yes\n";

static uint16_t port_or(uint16_t port, uint16_t usual)
{
    return port ? port : usual;
}

static const struct zookeeper_member *find_member(const struct zookeeper_options *options)
{
    for (size_t i = 0; i < options->member_count; i++)
        if (options->members[i].index == options->index)
            return &options->members[i];
    return NULL;
}

/* What goes into a configuration file line by line must be an address and nothing else. */
static int check(const struct zookeeper_options *options, struct error *err)
{
    unsigned char bytes[16];
    if (!find_member(options))
        return error_set(err, ERROR_INVALID, "zookeeper: server %d is none of its members", options->index);
    for (size_t i = 0; i < options->member_count; i++) {
        const struct zookeeper_member *member = &options->members[i];
        if (member->index < 1 || member->index > 255)
            return error_set(err, ERROR_INVALID, "zookeeper: a member's index is 1 to 255, not %d",
                             member->index);
        if (inet_pton(AF_INET6, member->address, bytes) != 1 &&
            inet_pton(AF_INET, member->address, bytes) != 1)
            return error_set(err, ERROR_INVALID, "zookeeper: \"%s\" of member %d is no address",
                             member->address, member->index);
        for (size_t j = 0; j < i; j++)
            if (options->members[j].index == member->index)
                return error_set(err, ERROR_INVALID, "zookeeper: two members with index %d", member->index);
    }
    return 0;
}

char *zookeeper_connect_string(struct arena *arena, const struct zookeeper_options *options)
{
    const struct zookeeper_member *ours = find_member(options);
    char *text =
        ours ? arena_format(arena, "%s:%d", ours->address, port_or(ours->client_port, ZOOKEEPER_CLIENT_PORT))
             : arena_strdup(arena, "");
    for (size_t i = 0; i < options->member_count; i++) {
        const struct zookeeper_member *member = &options->members[i];
        if (member != ours)
            text = arena_format(arena, "%s%s%s:%d", text, *text ? "," : "", member->address,
                                port_or(member->client_port, ZOOKEEPER_CLIENT_PORT));
    }
    return text;
}

static char *configuration(struct arena *arena, const struct zookeeper_options *options)
{
    const struct zookeeper_member *ours = find_member(options);
    char *text = arena_format(arena, "%sdataDir=%s/zookeeper/data\nclientPortAddress=%s\nclientPort=%d\n",
                              common_configuration, options->state_directory, ours->address,
                              port_or(ours->client_port, ZOOKEEPER_CLIENT_PORT));
    for (size_t i = 0; i < options->member_count && options->member_count > 1; i++) {
        const struct zookeeper_member *member = &options->members[i];
        bool v6 = strchr(member->address, ':') != NULL;
        text =
            arena_format(arena, "%sserver.%d=%s%s%s:%d:%d\n", text, member->index, v6 ? "[" : "",
                         member->address, v6 ? "]" : "", port_or(member->quorum_port, ZOOKEEPER_QUORUM_PORT),
                         port_or(member->election_port, ZOOKEEPER_ELECTION_PORT));
    }
    return text;
}

int zookeeper_server_prepare(const struct zookeeper_options *options, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (check(options, err) < 0)
        return -1;
    const char *data = arena_format(arena, "%s/zookeeper/data", options->state_directory);
    const char *text = configuration(arena, options);
    const char *identity = arena_format(arena, "%d\n", options->index);
    if (directory_make(data, 0700, err) < 0 ||
        file_write(arena_format(arena, "%s/zookeeper/zoo.cfg", options->state_directory), text, strlen(text),
                   0600, err) < 0 ||
        file_write(arena_format(arena, "%s/myid", data), identity, strlen(identity), 0600, err) < 0)
        return error_context(err, "zookeeper");
    return 0;
}

static const char jar[] = "/usr/share/java/zookeeper.jar";
static const char class_path[] = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

int zookeeper_server_launch(const struct zookeeper_options *options, int output, pid_t *pid,
                            struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *java = options->java ? options->java : "java";
    const char *const argv[] = {
        java,
        arena_format(arena, "-Xmx%dm", options->heap_mb ? options->heap_mb : HEAP_MB),
        "-Xms32m",
        "-XX:MinHeapFreeRatio=20",
        "-XX:MaxHeapFreeRatio=40",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1", /* up in half the time and smaller; what limits it is the disk */
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-XX:+DisableAttachMechanism",
        "-Djava.net.preferIPv6Addresses=true",
        "-Dzookeeper.jmx.log4j.disable=true",
        "-Dzookeeper.cnxTimeout=1000", /* a server that is gone must not hold up an election for five seconds
                                        */
        arena_format(arena, "-Djute.maxbuffer=%d", STORE_MULTI_LARGEST * 2),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper.server.NIOServerCnxn=error", /* each client turned
                                                                                           away */
        "-Dorg.slf4j.simpleLogger.showThreadName=false",
        /* every connection that is closed before there is a majority, with its stack */
        "-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper.server.NIOServerCnxn=error",
        "-cp",
        class_path,
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        arena_format(arena, "%s/zookeeper/zoo.cfg", options->state_directory),
        NULL,
    };
    const struct process process = {
        .argv = argv,
        .environment = (const char *const[]){"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL},
        .environment_alone = true,
        .death_signal = SIGKILL,
    };
    if (!file_exists(jar))
        return error_set(err, ERROR_NOT_FOUND, "%s is not there: install libzookeeper-java", jar);
    if (process_start_to(&process, output, pid, err) == 0)
        return 0;
    if (err && err->kind == ERROR_NOT_FOUND)
        return error_context(err, "install openjdk-17-jre-headless");
    return -1;
}
