/* One ZooKeeper server as a process of ours: its configuration, its files and its command line. Tests and
 * benchmarks start servers with it; the config server keeps one running with it (configserver/cluster). It
 * does not watch over the process. ZooKeeper trusts whoever reaches its ports, so the addresses are those of
 * a network that only the servers are in. */
#ifndef STORE_ZOOKEEPER_SERVER_H
#define STORE_ZOOKEEPER_SERVER_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>
#include <sys/types.h>

enum { ZOOKEEPER_CLIENT_PORT = 2181, ZOOKEEPER_QUORUM_PORT = 2888, ZOOKEEPER_ELECTION_PORT = 3888 };

struct zookeeper_member {
    int index;                                        /* from 1: which config server it is on */
    const char *address;                              /* IPv6 or IPv4, without brackets */
    uint16_t client_port, quorum_port, election_port; /* 0: the usual one */
};

struct zookeeper_options {
    const char *state_directory;            /* of the program; ours is "zookeeper" below it */
    int index;                              /* which of the members we are */
    const struct zookeeper_member *members; /* one: it runs alone, without a quorum */
    size_t member_count;
    const char *java; /* NULL: "java" */
    int heap_mb;      /* 0: 512, of which it takes what it needs */
};

/* "address:port,…", ours first: for store_open_zookeeper. */
char *zookeeper_connect_string(struct arena *arena, const struct zookeeper_options *options);

/* Writes configuration and identity, each as a whole. ERROR_INVALID when the options make no sense. */
int zookeeper_server_prepare(const struct zookeeper_options *options, struct error *err);

/* Starts the prepared server with its output to the descriptor. It is killed when the thread that calls this
 * ends. No Java or no ZooKeeper on this machine is ERROR_NOT_FOUND, which says what to install. */
int zookeeper_server_launch(const struct zookeeper_options *options, int output, pid_t *pid,
                            struct error *err);

#endif
