/* Doors: listening sockets inside of namespaces, all watched by one thread, however many there are. Who comes
 * in is handed to whoever opened the door. */
#include "localaws/plane/door.h"
#include "localaws/plane/namespace.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64 };

struct door {
    char *house;
    int socket;
    uint64_t namespace;
    door_entered *entered;
    struct door *next;
};

struct doors {
    struct plane *plane;
    pthread_t thread;
    int events, stop;
    pthread_mutex_t lock; /* protects the list and the sockets' being open */
    struct door *list;
};

/* Everyone who waits at one door. The lock is not held while they are handed over. */
static void let_in(struct doors *doors, int socket)
{
    for (;;) {
        cleanup(memory_free) char *house = NULL;
        door_entered *entered = NULL;
        pthread_mutex_lock(&doors->lock);
        const struct door *door = doors->list;
        while (door && door->socket != socket)
            door = door->next;
        int connection = door ? accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
        if (connection >= 0) {
            house = memory_strdup(door->house);
            entered = door->entered;
        }
        pthread_mutex_unlock(&doors->lock);
        if (connection < 0)
            return;
        entered(doors->plane, house, connection);
    }
}

static void *watch_doors(void *argument)
{
    struct doors *doors = argument;
    pthread_setname_np(pthread_self(), "doors");
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(doors->events, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == doors->stop)
                return NULL;
            let_in(doors, events[i].data.fd);
        }
    }
}

static void watch(struct doors *doors, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(doors->events, EPOLL_CTL_ADD, descriptor, &event);
}

int doors_start(struct plane *plane, struct error *err)
{
    struct doors *doors = memory_alloc(sizeof *doors);
    doors->plane = plane;
    doors->events = epoll_create1(EPOLL_CLOEXEC);
    doors->stop = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&doors->lock, NULL);
    watch(doors, doors->stop);
    if (pthread_create(&doors->thread, NULL, watch_doors, doors) != 0) {
        free(doors);
        return error_set(err, ERROR_UNAVAILABLE, "the doors' thread cannot be started");
    }
    plane->doors = doors;
    return 0;
}

int door_open(struct plane *plane, const char *house, int namespace, const char *address, uint16_t port,
              door_entered *entered, struct error *err)
{
    struct doors *doors = plane->doors;
    int socket;
    if (namespace_listen(namespace, SOCK_STREAM, address, port, &socket, err) < 0)
        return -1;
    fcntl(socket, F_SETFL, O_NONBLOCK);
    struct door *door = memory_alloc(sizeof *door);
    *door = (struct door){memory_strdup(house), socket, namespace_of_socket(socket), entered, NULL};
    pthread_mutex_lock(&doors->lock);
    door->next = doors->list;
    doors->list = door;
    pthread_mutex_unlock(&doors->lock);
    watch(doors, socket);
    return 0;
}

void doors_close(struct plane *plane, const char *house)
{
    struct doors *doors = plane->doors;
    pthread_mutex_lock(&doors->lock);
    for (struct door **place = &doors->list; *place;) {
        struct door *door = *place;
        if (house && !text_equal(door->house, house)) {
            place = &door->next;
            continue;
        }
        *place = door->next;
        close(door->socket);
        free(door->house);
        free(door);
    }
    pthread_mutex_unlock(&doors->lock);
}

char *door_house(struct plane *plane, struct arena *arena, int connection)
{
    struct doors *doors = plane->doors;
    uint64_t namespace = namespace_of_socket(connection);
    pthread_mutex_lock(&doors->lock);
    const struct door *door = doors->list;
    while (door && door->namespace != namespace)
        door = door->next;
    char *house = door ? arena_strdup(arena, door->house) : NULL;
    pthread_mutex_unlock(&doors->lock);
    return house;
}

void doors_stop(struct plane *plane)
{
    struct doors *doors = plane->doors;
    if (!doors)
        return;
    eventfd_write(doors->stop, 1);
    pthread_join(doors->thread, NULL);
    doors_close(plane, NULL);
    close(doors->stop);
    close(doors->events);
    pthread_mutex_destroy(&doors->lock);
    free(doors);
    plane->doors = NULL;
}
