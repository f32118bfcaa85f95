/* For the root tests: what a host meets outside, as small as it can be and still be real: the metadata
 * service, zts and the two sides of a config server over mTLS with a WireGuard device, and a bucket. It says
 * yes where the real ones would judge; what it checks is that everything comes by the right way and with the
 * right identity. */
#ifndef HOST_TEST_VENDOR_H
#define HOST_TEST_VENDOR_H

#include "host/test_machine.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "tunnel/tunnel.h"
#include "zone/host_spec.h"

#include <pthread.h>

#define TEST_VENDOR        "2001:db8:1::f1"
#define TEST_TUNNEL_SERVER "fd00:ec1a:7::1"
#define TEST_TUNNEL_HOST   "fd00:ec1a:7::1:64"
#define TEST_CONFIGSERVER  "vespa.configserver_dev_aws-us-east-1c"

struct vendor {
    struct test_machine *machine;
    struct http_server *metadata, *zts, *configserver, *bucket;
    struct tls_context *zts_tls, *configserver_tls;
    struct tunnel *tunnel;
    int metadata_port, bucket_port;

    pthread_mutex_t
        lock; /* protects what follows; strings are the machine's arena's, touched under it only */
    const char *user_data;
    const char *spec; /* JSON, generation included; NULL: no host_spec yet */
    int64_t generation;
    int challenges, registrations, keys, readies, metrics, objects;
    bool wrong; /* someone came by the wrong way */
    const char *node_status, *node_image;
    bool host_drained;
    const char *object_keys[16];
};

void vendor_open(struct vendor *vendor, struct test_machine *machine);
void vendor_close(struct vendor *vendor);
/* The config server goes away, tunnel and all; and comes back. */
void vendor_leave(struct vendor *vendor);
void vendor_return(struct vendor *vendor);
/* A spec with these nodes (JSON objects, comma-joined), as of a new generation. */
void vendor_want(struct vendor *vendor, const char *host_state, const char *nodes, bool drain);

#endif
