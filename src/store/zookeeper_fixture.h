/* ZooKeeper servers for tests and benchmarks: real ones, on the loopback with ports that were free, in a
 * directory of their own below /tmp. They die with the thread that started them. */
#ifndef STORE_ZOOKEEPER_FIXTURE_H
#define STORE_ZOOKEEPER_FIXTURE_H

#include "store/store.h"
#include "store/zookeeper_server.h"

enum { FIXTURE_MOST = 3 };

struct fixture {
    char directory[64];
    struct zookeeper_member members[FIXTURE_MOST];
    struct zookeeper_options options[FIXTURE_MOST];
    pid_t pids[FIXTURE_MOST]; /* 0: not running */
    size_t count;
};

/* With `address` "127.0.0.1" or "::1". What the servers say is in <directory>/<n>.log. */
int fixture_start(struct fixture *fixture, size_t count, const char *address, struct error *err);
void fixture_stop(struct fixture *fixture);

/* Nobody listens there, and no connection gets it by chance. */
uint16_t fixture_free_port(const char *address);

int fixture_launch(struct fixture *fixture, size_t server, struct error *err);
void fixture_kill(struct fixture *fixture, size_t server); /* as a power cut */
/* Waits until one of them leads, or serves alone; its number, or -1 after `timeout_ms`. */
int fixture_leader(struct fixture *fixture, int timeout_ms);
/* Waits until that one serves clients. */
bool fixture_serves(struct fixture *fixture, size_t server, int timeout_ms);

/* Clients connected to it, whoever asks among them; -1 when it does not answer. */
int fixture_connections(const struct fixture *fixture, size_t server);

/* A session with the servers, trying the one of that number first and waiting until they serve; aborts when
 * they do not within 20 s. */
struct store *fixture_open(struct fixture *fixture, size_t first, int session_timeout_ms,
                           store_session_changed *changed, void *context);
/* Removes every record. */
void fixture_clear(struct fixture *fixture);

#endif
