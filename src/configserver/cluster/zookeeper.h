/* The ZooKeeper server beside each config server: a child process that we start, keep running, whose words go
 * to our log, and that ends with us. The program uses it when the zone has three config servers; with one the
 * store is embedded. Its ports listen on the address in the config servers' own mesh, which must be there
 * first. */
#ifndef CONFIGSERVER_CLUSTER_ZOOKEEPER_H
#define CONFIGSERVER_CLUSTER_ZOOKEEPER_H

#include "store/zookeeper_server.h" /* struct zookeeper_options, zookeeper_connect_string */

struct zookeeper;

/* Writes the server's files and starts it; whether it serves yet shows in store_open_zookeeper, which waits
 * until a majority is up. The options must outlive it. When it ends it is started again: at once, then with
 * growing pauses. */
int zookeeper_start(const struct zookeeper_options *options, struct zookeeper **zookeeper, struct error *err);
/* Ends the server and waits for it: close the store first, so that its session ends at once. */
void zookeeper_stop(struct zookeeper **zookeeper);
/* How often it had to be started again: for metrics. */
long zookeeper_restarts(struct zookeeper *zookeeper);

#endif
