/* The controller's parts, shared by everything in this folder. Requests and the runner work on it from several threads;
 * what they change together is the store's. */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "aws/credentials.h"
#include "controller/config.h"
#include "net/http_client.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct runner;

struct controller {
    const struct controller_config *config;
    const char *state_directory;
    struct store *store;
    pthread_mutex_t changes; /* held from reading a record until its changed form is written; never across a call */
    struct http_client *zones;           /* with our identity */
    struct aws_credentials *provisioner; /* the vendor's provisioner role */
    struct runner *runner;
    atomic_uint server_turn; /* which of a zone's config servers is asked first: the one that answered last */
};

/* For cleanup(): held while in scope. */
static inline pthread_mutex_t *controller_lock(struct controller *controller)
{
    pthread_mutex_lock(&controller->changes);
    return &controller->changes;
}
static inline void controller_unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

#endif
